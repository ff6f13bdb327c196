"""What orders can be asked for: orders, carts, parcels, money. Together with handlers.py the table of contents."""

from services.orders.routes import bank_accounts, carts, claims, money, orders, parcels, payments, payouts, placing

routers = (  # matched in this order
    placing.router,
    orders.router,
    carts.router,
    carts.put_router,
    carts.checkout_router,
    parcels.router,
    parcels.rounds_router,
    payments.router,
    money.router,
    bank_accounts.router,
    payouts.router,
    claims.router,
)
