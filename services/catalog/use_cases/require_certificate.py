"""Some categories are for certified people only: which, says a dated rule."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.catalog.domain.badges import wanting
from services.catalog.domain.problems import CertificateNeeded
from services.catalog.store import standing
from shared import rules
from shared.calendar import day_of
from shared.db import Connection

RULES: Final = rules.load(Path(__file__).parents[1] / "rules.json")


async def certificates_wanting(
    conn: Connection, shop_id: UUID, categories: Iterable[str], *, now: datetime
) -> dict[str, str]:
    """Of these categories, those in which the shop may not sell now, and the scheme that somebody of it must hold."""
    schemes = RULES.in_force("regulated_categories", day_of(now)).table("schemes")
    asked = {each for each in categories if each in schemes}
    if not asked:
        return {}
    return wanting(schemes, asked, await standing.schemes_of_shop(conn, shop_id, now=now))


async def require_certificate(conn: Connection, shop_id: UUID, category: str, *, now: datetime) -> None:
    """Raise CertificateNeeded, which says what to do, when nobody who works in the shop is certified for it."""
    missing = await certificates_wanting(conn, shop_id, [category], now=now)
    if missing:
        scheme = missing[category]
        raise CertificateNeeded(
            f"selling {category} needs a living certificate of the scheme {scheme}, held by the owner or somebody of"
            f" the staff: take part in a training (programmes, GET /v1/trainings?scheme={scheme}), pass, try again",
            category=category,
            scheme=scheme,
        )
