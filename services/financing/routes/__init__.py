"""What financing can be asked for. Together with handlers.py the table of contents."""

from services.financing.routes import lenders

routers = (lenders.router,)
