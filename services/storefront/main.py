"""The storefront: pages for people, over the other services. The only place that wires it together."""

import asyncio
from pathlib import Path

import structlog
from starlette.middleware.gzip import GZipMiddleware

from services.storefront import store
from services.storefront.domain.session import Vault
from services.storefront.handlers import handlers
from services.storefront.routes import routers
from services.storefront.routes.files import Assets
from services.storefront.routes.pages import Pages
from services.storefront.routes.security import Guard
from services.storefront.routes.web import Storefront, install_error_pages
from services.storefront.settings import StorefrontSettings
from services.storefront.upstream import Network
from services.storefront.use_cases.keep_signed_in import TokenKeeper
from services.storefront.use_cases.list_categories import Categories
from shared.clock import utc_now
from shared.db import TRANSIENT, Database
from shared.problems import Problem
from shared.service import Running, Service

log = structlog.get_logger()

SWEEP_SECONDS = 3600.0
COMPRESS_FROM_BYTES = 1000
COMPRESS_LEVEL = 4  # 9 costs three times the CPU for a few per cent


async def start(running: Running) -> None:
    """Make what the routes work with."""
    settings: StorefrontSettings = running.settings
    here = Path(__file__).parent
    network = Network.at(
        {
            "identity": settings.identity_url,
            "catalog": settings.catalog_url,
            "orders": settings.orders_url,
            "cooperatives": settings.cooperatives_url,
            "financing": settings.financing_url,
            "programmes": settings.programmes_url,
        },
        seconds=settings.upstream_seconds,
    )
    vault = Vault(settings.session_key.get_secret_value())
    assets = Assets(here / "static")
    running.app.state.storefront = Storefront(
        settings=settings,
        db=running.db,
        network=network,
        vault=vault,
        keeper=TokenKeeper(running.db, vault, network),
        categories=Categories(network),
        pages=Pages(assets, here / "templates"),
        assets=assets,
    )
    install_error_pages(running.app)
    running.app.add_middleware(Guard, is_https=settings.is_https)
    running.app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=COMPRESS_LEVEL)
    running.closing.append(network.close)
    running.background("worker", lambda: forget_expired_sessions(running.db))


async def forget_expired_sessions(db: Database) -> None:
    """Every hour."""
    while True:
        try:
            async with db.transaction() as conn:
                count = await store.forget_expired(conn, now=utc_now())
            log.info("sessions_forgotten", count=count)
        except (*TRANSIENT, Problem) as error:
            log.warning("sessions_not_forgotten", error=type(error).__name__)
        await asyncio.sleep(SWEEP_SECONDS)


service = Service(name="storefront", settings=StorefrontSettings, routers=routers, handlers=(handlers,), start=start)

if __name__ == "__main__":
    service.main()
