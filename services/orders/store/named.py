"""The named queries of orders.sql."""

from pathlib import Path

from shared import sql

queries = sql.load(str(Path(__file__).parent), "orders.sql")
