"""The financing service as a process: the only place that wires things."""

from services.financing.deliveries import start_deliveries
from services.financing.handlers import handlers
from services.financing.routes import routers
from services.financing.settings import FinancingSettings
from services.financing.sweeper import Sweeper
from shared.service import Running, Service


async def start(running: Running) -> None:
    """What runs beside HTTP and the handlers."""
    start_deliveries(running)
    settings: FinancingSettings = running.settings
    sweeper = Sweeper(running.db, seconds=settings.sweep_seconds, grading_seconds=settings.grading_seconds)
    running.background("worker", sweeper.run_forever)


service = Service(name="financing", settings=FinancingSettings, routers=routers, handlers=(handlers,), start=start)

if __name__ == "__main__":
    service.main()
