"""What orders can be asked for: carts, orders, parcels, money. Together with handlers.py the table of contents."""

from fastapi import APIRouter

from services.orders.routes import carts, orders, parcels, payments

router = APIRouter(prefix="/v1")
for part in (carts, orders, parcels, payments):
    router.include_router(part.router)
