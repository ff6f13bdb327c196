"""The financing service as a process: the only place that wires things."""

from services.financing.deliveries import start_deliveries
from services.financing.handlers import handlers
from services.financing.routes import routers
from services.financing.settings import FinancingSettings
from shared.service import Running, Service


async def start(running: Running) -> None:
    """What runs beside HTTP and the handlers."""
    start_deliveries(running)


service = Service(name="financing", settings=FinancingSettings, routers=routers, handlers=(handlers,), start=start)

if __name__ == "__main__":
    service.main()
