"""The catalog service: the only place that wires it."""

from services.catalog.handlers import handlers
from services.catalog.routes import router
from services.catalog.routes.product_reads import ProductReads
from services.catalog.settings import CatalogSettings
from services.catalog.use_cases.add_photo import Darkroom
from services.catalog.use_cases.read_spreadsheet import ReadingLimits
from services.catalog.use_cases.run_imports import ImportRunner
from services.catalog.use_cases.search_products import Search
from shared.service import Running, Service


async def start(running: Running) -> None:
    """What routes need beside the database, and the job that imports files."""
    settings: CatalogSettings = running.settings
    state = running.app.state
    state.product_reads = ProductReads(running.db, Search(facets_kept_seconds=settings.facets_kept_seconds))
    state.darkroom = Darkroom(settings.pictures, pixels_max=settings.photo_pixels_max)
    limits = ReadingLimits(
        rows=settings.import_rows_max,
        memory_bytes=settings.reading_memory_bytes_max,
        cpu_seconds=settings.reading_cpu_seconds_max,
        seconds=settings.reading_seconds_max,
    )
    state.import_runner = ImportRunner(
        running.db, limits, poll_seconds=settings.import_poll_seconds, lease_seconds=settings.import_lease_seconds
    )
    running.wake_worker("imports", state.import_runner.wake)
    running.background("worker", state.import_runner.run_forever)


service = Service(name="catalog", settings=CatalogSettings, routers=(router,), handlers=(handlers,), start=start)

if __name__ == "__main__":
    service.main()
