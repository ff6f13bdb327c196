"""The named queries of programmes.sql, loaded once, and an officer's rights as their parameters."""

from pathlib import Path
from typing import Any

from services.programmes.domain.officer import Officer
from shared import sql

queries = sql.load(str(Path(__file__).parent), "programmes.sql")


def rights(officer: Officer) -> dict[str, Any]:
    """What the queries ask of an officer."""
    return {"is_operator": officer.is_operator, "codes": list(officer.codes)}
