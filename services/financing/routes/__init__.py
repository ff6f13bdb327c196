"""What financing can be asked for. Together with handlers.py the table of contents."""

from services.financing.routes import events, lenders, subscriptions

routers = (lenders.router, subscriptions.router, events.router)
