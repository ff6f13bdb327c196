"""The named queries of orders.sql, and those of its money in books.sql (reading.py has its own)."""

from pathlib import Path

from shared import sql

queries = sql.load(str(Path(__file__).parent), "orders.sql")
books = sql.load(str(Path(__file__).parent), "books.sql")
