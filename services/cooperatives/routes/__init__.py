"""What cooperatives can be asked for. Together with handlers.py the table of contents."""

from services.cooperatives.routes import books, market, meetings, members, mine, registry, savings, surplus

routers = (  # matched in this order
    savings.router,
    members.router,
    books.router,
    mine.router,
    meetings.router,
    surplus.router,
    market.router,
    registry.router,
)
