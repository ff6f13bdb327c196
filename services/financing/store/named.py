"""The named queries, one file per subject."""

from pathlib import Path

from shared import sql

_BESIDE = str(Path(__file__).parent)

queries = sql.load(_BESIDE, "financing.sql")
facts = sql.load(_BESIDE, "facts.sql")
lending = sql.load(_BESIDE, "lending.sql")
loans = sql.load(_BESIDE, "loans.sql")
