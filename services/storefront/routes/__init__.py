"""All pages: the storefront's table of contents."""

from services.storefront.routes import (
    account,
    assets,
    basket,
    checkout,
    market,
    orders,
    seller,
    seller_products,
)

routers = (
    market.router,
    basket.router,
    account.router,
    checkout.router,
    orders.router,
    seller.router,
    seller_products.router,
    assets.router,
)
