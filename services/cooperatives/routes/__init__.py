"""What cooperatives can be asked for. Together with handlers.py the table of contents."""

from services.cooperatives.routes import books, meetings, members, mine, registry, savings, surplus

routers = (  # matched in this order
    savings.router,
    members.router,
    books.router,
    mine.router,
    meetings.router,
    surplus.router,
    registry.router,
)
