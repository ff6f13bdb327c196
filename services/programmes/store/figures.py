"""The queries of figures: what units add to cells, what of it may be shown, and copies that say where things are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.programmes.domain.indicators import COUNTED, Contribution, Indicator, Span, first_day
from services.programmes.store.named import queries
from shared.db import Connection
from shared.rules import Rule

COUNTERS = UUID(int=0)  # the one thing that counting locks, for the runner's list of locks


@dataclass(frozen=True, slots=True)
class Added:
    """What a unit adds to a cell."""

    indicator: Indicator
    period: date
    region_code: str
    unit_id: UUID
    value: int
    month: date


@dataclass(frozen=True, slots=True)
class MovedLoan:
    """A loan that went from a class to another; 0 is none."""

    shop_id: UUID
    region_code: str
    before: int
    after: int


async def lock_counters(conn: Connection, _: Iterable[UUID] = ()) -> None:
    """One transaction at a time counts; the last lock that it takes."""
    await queries.lock_counters.run(conn)


async def add(conn: Connection, contributions: Sequence[Added], rule: Rule) -> None:
    """Count, and show what has become enough. The counters are locked."""
    if not contributions:
        return
    await queries.add_contributions.run(
        conn,
        indicators=[each.indicator.code for each in contributions],
        periods=[each.period for each in contributions],
        region_codes=[each.region_code for each in contributions],
        unit_ids=[each.unit_id for each in contributions],
        values=[each.value for each in contributions],
        distincts=[each.indicator.is_distinct for each in contributions],
        months=[each.month for each in contributions],
    )
    touched = sorted({(each.indicator.code, each.period, each.region_code) for each in contributions})
    limits = [_limits(COUNTED[code], rule) for code, _, _ in touched]
    await queries.show_cells.run(
        conn,
        indicators=[code for code, _, _ in touched],
        periods=[period for _, period, _ in touched],
        region_codes=[region_code for _, _, region_code in touched],
        units_mins=[units_min for units_min, _ in limits],
        share_maxs=[share_max for _, share_max in limits],
    )


def _limits(indicator: Indicator, rule: Rule) -> tuple[int, int]:
    """The fewest units of a block, and the largest share of one of them in percent."""
    if not indicator.is_protected:
        return 1, 100
    return rule.whole("units_min"), rule.whole("share_of_one_pct_max")


POOLED = tuple(each for each in COUNTED.values() if each.is_protected and each.span is Span.MONTH)


async def pool(conn: Connection, months: Sequence[date], rule: Rule) -> int:
    """Put together what cells of these months could not show: by province, then for the country; how many blocks."""
    limits = [_limits(each, rule) for each in POOLED]
    blocks = 0
    for digits in (2, 0):
        blocks += await queries.pool_pending.run(
            conn,
            indicators=[each.code for each in POOLED],
            units_mins=[units_min for units_min, _ in limits],
            share_maxs=[share_max for _, share_max in limits],
            periods=list(months),
            digits=digits,
        )
    return blocks


async def months_pending(conn: Connection, *, before: date) -> list[date]:
    """Months before a day with something that was not shown."""
    rows = await queries.months_pending.rows(conn, before=before, indicators=[each.code for each in POOLED])
    return [row["period"] for row in rows]


async def figures(conn: Connection, month: date, *, digits: int, within: str) -> dict[str, dict[str, int]]:
    """What may be seen in a month, by region and indicator; `digits` as the query says, `within` a code's beginning."""
    rows = await queries.figures.rows(
        conn,
        month=month,
        year=first_day(Span.YEAR, month),
        monthly=_codes(Span.MONTH),
        yearly=_codes(Span.YEAR),
        lasting=_codes(Span.EVER),
        digits=digits,
        within=within,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["region_code"], {})[row["indicator"]] = row["value"]
    return found


def _codes(span: Span) -> list[str]:
    return [each.code for each in COUNTED.values() if each.span is span]


async def insert_shops(conn: Connection, shops: Sequence[tuple[UUID, UUID, str]]) -> None:
    """Where shops are: (shop, owner, region)."""
    await queries.insert_shops.run(
        conn,
        shop_ids=[shop_id for shop_id, _, _ in shops],
        owner_ids=[owner_id for _, owner_id, _ in shops],
        region_codes=[region_code for _, _, region_code in shops],
    )


async def regions_of_shops(conn: Connection, shop_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Those that are known."""
    wanted = list(set(shop_ids))
    if not wanted:
        return {}
    return {row["shop_id"]: row["region_code"] for row in await queries.regions_of_shops.rows(conn, shop_ids=wanted)}


async def keep_unplaced(conn: Connection, contributions: Sequence[Contribution]) -> None:
    """What shops that are not known yet add."""
    await queries.keep_unplaced.run(
        conn,
        shop_ids=[each.unit_id for each in contributions],
        indicators=[each.indicator.code for each in contributions],
        periods=[each.period for each in contributions],
        values=[each.value for each in contributions],
        months=[each.month for each in contributions],
    )


async def take_unplaced(conn: Connection, regions: dict[UUID, str]) -> list[Added]:
    """What these shops added before they were known, now with their regions."""
    rows = await queries.take_unplaced.rows(conn, shop_ids=list(regions))
    return [
        Added(
            COUNTED[row["indicator"]],
            row["period"],
            regions[row["shop_id"]],
            row["shop_id"],
            row["value"],
            row["month"],
        )
        for row in rows
    ]


async def insert_cooperatives(conn: Connection, cooperatives: Sequence[tuple[UUID, str]]) -> None:
    """Where cooperatives are."""
    await queries.insert_cooperatives.run(
        conn,
        cooperative_ids=[cooperative_id for cooperative_id, _ in cooperatives],
        region_codes=[region_code for _, region_code in cooperatives],
    )


async def regions_of_cooperatives(conn: Connection, cooperative_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Those that are known."""
    rows = await queries.regions_of_cooperatives.rows(conn, cooperative_ids=list(cooperative_ids))
    return {row["cooperative_id"]: row["region_code"] for row in rows}


async def insert_loans(conn: Connection, loans: Sequence[tuple[UUID, UUID, str]]) -> None:
    """Loans that run from now on: (loan, shop, region)."""
    await queries.insert_loans.run(
        conn,
        loan_ids=[loan_id for loan_id, _, _ in loans],
        shop_ids=[shop_id for _, shop_id, _ in loans],
        region_codes=[region_code for _, _, region_code in loans],
    )


async def move_loans(conn: Connection, classes: dict[UUID, int]) -> dict[UUID, MovedLoan]:
    """Loans to other classes, 0 for paid back; those that are known."""
    rows = await queries.move_loans.rows(conn, loan_ids=list(classes), classes=list(classes.values()))
    return {row["loan_id"]: MovedLoan(row["shop_id"], row["region_code"], row["before"], row["after"]) for row in rows}
