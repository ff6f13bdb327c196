"""The programmes service: the only place that wires it."""

from services.programmes.handlers import counting, handlers
from services.programmes.routes import router
from services.programmes.settings import ProgrammesSettings
from services.programmes.use_cases.pool_figures import Pooler
from shared.service import Running, Service


async def start(running: Running) -> None:
    """The job that puts figures of months together."""
    settings: ProgrammesSettings = running.settings
    running.background("worker", Pooler(running.db, seconds=settings.pooling_seconds).run_forever)


service = Service(
    name="programmes",
    settings=ProgrammesSettings,
    routers=(router,),
    handlers=(handlers, counting),
    start=start,
)

if __name__ == "__main__":
    service.main()
