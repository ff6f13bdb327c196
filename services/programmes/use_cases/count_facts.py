"""Add facts to the figures of their regions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.programmes.domain.indicators import Contribution
from services.programmes.store import figures
from services.programmes.store.figures import Added
from services.programmes.use_cases.rules_in_force import RULES
from shared.calendar import day_of
from shared.db import Connection
from shared.rules import Rule


async def count_facts(conn: Connection, contributions: Sequence[Contribution], *, now: datetime) -> None:
    """Count each for its unit, in its cell; those of shops that are not known yet wait until they are.

    Locks the counters, as the last thing of a transaction.
    """
    if not contributions:
        return
    await figures.lock_counters(conn)
    regions = await figures.regions_of_shops(conn, (each.unit_id for each in contributions if not each.region_code))
    placed = [replace(each, region_code=each.region_code or regions.get(each.unit_id)) for each in contributions]
    await figures.add(conn, [_added(each, each.region_code) for each in placed if each.region_code], _rule(now))
    unplaced = [each for each in placed if each.region_code is None]
    if unplaced:
        await figures.keep_unplaced(conn, unplaced)


async def place_shops(conn: Connection, shops: Sequence[tuple[UUID, UUID, str]], *, now: datetime) -> None:
    """Remember where shops are, and count what they did before we knew: (shop, owner, region) of each."""
    await figures.lock_counters(conn)
    await figures.insert_shops(conn, shops)
    waiting = await figures.take_unplaced(conn, {shop_id: region_code for shop_id, _, region_code in shops})
    await figures.add(conn, waiting, _rule(now))


def _rule(now: datetime) -> Rule:
    return RULES.in_force("publication", day_of(now))


def _added(each: Contribution, region_code: str) -> Added:
    return Added(each.indicator, each.period, region_code, each.unit_id, each.value, each.month)
