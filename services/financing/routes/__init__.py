"""What financing can be asked for. Together with handlers.py the table of contents."""

from services.financing.routes import applications, consents, events, lenders, loans, offers, subscriptions

routers = (
    lenders.router,
    consents.router,
    applications.router,
    offers.router,
    loans.router,
    subscriptions.router,
    events.router,
)
