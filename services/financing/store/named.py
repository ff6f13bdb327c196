"""The named queries of financing.sql."""

from pathlib import Path

from shared import sql

queries = sql.load(str(Path(__file__).parent), "financing.sql")
