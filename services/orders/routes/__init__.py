"""What orders can be asked for: orders, carts, parcels, money. Together with handlers.py the table of contents."""

from services.orders.routes import carts, orders, parcels, payments, placing

routers = (placing.router, orders.router, carts.router, parcels.router, payments.router)  # matched in this order
