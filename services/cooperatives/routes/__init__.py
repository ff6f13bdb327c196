"""What cooperatives can be asked for. Together with handlers.py the table of contents."""

from services.cooperatives.routes import registry

routers = (registry.router,)  # matched in this order
