"""Add up the figures of shops: what has ended leaves addends, and dashboards read fewer when the clock has summed them.

A figure is the sum of its rows before and after, so nobody has to wait, and it does not matter when this runs.
"""

from datetime import datetime

from services.orders.store import statements
from services.orders.use_cases.expire_orders import BATCH
from shared.db import Connection


async def add_up_figures(conn: Connection, *, now: datetime) -> int:
    """A bounded number of shops; how many."""
    return await statements.add_up_figures(conn, most=BATCH)
