"""HTTP in, by what it is about: shops, products, pictures, imports, and what operators look at."""

from fastapi import APIRouter

from services.catalog.routes import imports, media, product_reads, products, reservations, shops
from shared.problems import Unauthenticated, documented

router = APIRouter(prefix="/v1", responses=documented(Unauthenticated))
for part in (  # the busiest first
    product_reads.page_router,
    product_reads.list_router,
    products.router,
    media.router,
    shops.router,
    imports.router,
    reservations.router,
):
    router.include_router(part)
