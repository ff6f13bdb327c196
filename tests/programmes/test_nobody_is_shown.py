"""Nothing that can be worked out of published figures tells of fewer units than may be shown.

Facts come in any order, in regencies of two provinces, in batches; months are pooled now and then; whoever wants reads
everything after each step. An attacker may add and subtract whatever was published, at any moment, of any region. All
those sums are made of what becomes visible at one step in one region (a block or a pool), so it is enough, and tested,
that each of these is made by enough units, none of which has nearly all of it, and that the attacker's differences
(province less its regencies, today less yesterday) are sums of such.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid5

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.programmes.domain.indicators import GOODS_SOLD, PARCELS_COMPLETED, SHOPS_SELLING, Contribution, month_of
from services.programmes.store import figures
from services.programmes.use_cases.count_facts import count_facts
from services.programmes.use_cases.pool_figures import pool_month
from services.programmes.use_cases.read_figures import read_figures
from shared.clock import utc_now
from shared.db import Database
from shared.rules import Rule

UNITS_MIN, SHARE_MAX = 5, 85
YEARS = count(3000)
SPACE = UUID(int=7)
REGIONS = ("18.01", "18.02", "18.71", "18", "36.01", "36.71")
INDICATORS = (PARCELS_COMPLETED, GOODS_SOLD, SHOPS_SELLING)

fact = st.tuples(st.sampled_from(REGIONS), st.integers(0, 9), st.sampled_from((1_000, 20_000, 3_000_000)))
batch = st.lists(fact, min_size=1, max_size=8)
steps = st.lists(st.one_of(batch, batch, batch, st.just("pool")), min_size=1, max_size=10)
Published = dict[tuple[str, str], int]


@dataclass
class Truth:
    """What really happened: by (indicator, region) and unit, the part that was not published at the last step."""

    held: dict[tuple[str, str], dict[UUID, int]] = field(default_factory=lambda: defaultdict(dict))
    seen: set[tuple[str, UUID]] = field(default_factory=set)

    def add(self, region: str, unit: UUID, goods_minor: int) -> None:
        for code, value in (("paket-selesai", 1), ("nilai-penjualan", goods_minor)):
            cell = self.held[code, region]
            cell[unit] = cell.get(unit, 0) + value
        if (region, unit) not in self.seen:
            self.seen.add((region, unit))
            self.held["toko-berjualan", region][unit] = 1


async def everything(db: Database, month: datetime) -> Published:
    """All that anybody can see of a month."""
    async with db.reading() as conn:
        shown = [
            each
            for region in (None, "18", "36", *REGIONS)
            for each in await read_figures(conn, region=region, month=month_of(month))
        ]
    found: Published = {}
    for each in shown:
        if each.value is not None and each.indicator in INDICATORS:
            key = (each.indicator.code, each.place.code)
            assert found.setdefault(key, each.value) == each.value, "one figure is told in two ways"
    return found


async def play(db: Database, plan: list[object]) -> None:
    """Every step, and the attack after each."""
    at = datetime(next(YEARS), 5, 5, tzinfo=UTC)
    truth = Truth()
    before: Published = {}
    for step in plan:
        async with db.transaction() as conn:
            if isinstance(step, list):
                contributions = []
                for region, number, goods_minor in step:
                    unit = uuid5(SPACE, f"{at.year}/{number}")
                    truth.add(region, unit, goods_minor)
                    values = (1, goods_minor, 1)
                    contributions += [
                        Contribution(indicator, unit, region, at, value)
                        for indicator, value in zip(INDICATORS, values, strict=True)
                    ]
                await count_facts(conn, contributions, now=utc_now())
            else:
                await pool_month(conn, month_of(at), now=utc_now())
        after = await everything(db, at)
        attack(truth, before, after)
        before = after


def attack(truth: Truth, before: Published, after: Published) -> None:
    """What this step made visible, taken apart as far as it can be, and who it is made of."""
    for indicator in INDICATORS:
        code = indicator.code

        def grown(region: str, code: str = code) -> int:
            return after.get((code, region), 0) - before.get((code, region), 0)

        rest_of_nation = grown("00")
        for province in ("18", "36"):
            rest = grown(province)
            rest_of_nation -= grown(province)
            for regency in (each for each in REGIONS if each.startswith(f"{province}.")):
                rest -= grown(regency)
                _apart(truth, code, [regency], grown(regency))
            _apart(truth, code, [each for each in REGIONS if each.startswith(province)], rest, own=province)
        _apart(truth, code, list(REGIONS), rest_of_nation)


def _apart(truth: Truth, code: str, regions: list[str], value: int, own: str | None = None) -> None:
    """A number that was told apart: of which held-back parts it may be the sum, and whether these are enough."""
    if value == 0:
        return
    cells = [truth.held[code, region] for region in regions]
    candidates = [cells] if own is None else [[truth.held[code, own]], cells]
    for found in candidates:
        units: dict[UUID, int] = defaultdict(int)
        for cell in found:
            for unit, part in cell.items():
                units[unit] += part
        if sum(units.values()) == value:
            assert len(units) >= UNITS_MIN, f"{code} in {regions} tells of {len(units)}"
            assert max(units.values()) * 100 <= SHARE_MAX * value, f"{code} in {regions} tells of one"
            for cell in found:
                cell.clear()
            return
    raise AssertionError(f"{code} in {regions}: {value} is no sum of what was held back")


@given(plan=steps)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_difference_of_published_figures_tells_of_too_few(programmes_db: Database, plan: list[object]) -> None:
    await play(programmes_db, plan)


async def test_the_attack_finds_one_shop_when_the_rule_is_broken(programmes_db: Database) -> None:
    at = datetime(next(YEARS), 5, 5, tzinfo=UTC)
    truth = Truth()
    unit = uuid5(SPACE, "alone")
    truth.add("18.01", unit, 1_000)
    rule = Rule("publication", at.date(), "none", {"units_min": 1, "share_of_one_pct_max": 100})
    async with programmes_db.transaction() as conn:
        await figures.lock_counters(conn)
        month = month_of(at)
        await figures.add(conn, [figures.Added(PARCELS_COMPLETED, month, "18.01", unit, 1, month)], rule)
    after = await everything(programmes_db, at)

    caught = ""
    try:
        attack(truth, {}, after)
    except AssertionError as error:
        caught = str(error)

    assert "tells of 1" in caught
