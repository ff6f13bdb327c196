"""The figures of a region and of the regions in it, in a month, as far as they may be seen."""

from dataclasses import dataclass
from datetime import date

from services.programmes.domain.indicators import NATION, SHOWN, Indicator, derived
from services.programmes.domain.problems import RegionNotFound
from services.programmes.store import figures
from shared import regions
from shared.db import Connection

NATION_NAME = "Indonesia"


@dataclass(frozen=True, slots=True)
class Place:
    """A region for which figures are shown."""

    code: str
    level: str
    name: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; None: fewer units than may be shown, or none."""

    place: Place
    indicator: Indicator
    value: int | None


async def read_figures(conn: Connection, *, region: str | None, month: date) -> list[Figure]:
    """By place, then by indicator: the country with its provinces, a province with its regencies, or a regency.

    A province's figure is the sum of what its regencies show and of its pools; the country's likewise. Raises
    RegionNotFound.
    """
    code = region or NATION
    places = places_of(code)
    inner, outer = (0, 2) if code == NATION else (2, 5) if len(code) == 2 else (5, 5)
    within = "" if code == NATION else code
    found = await figures.figures(conn, month, digits=outer, within=within)
    found.pop(NATION, None)
    found |= await figures.figures(conn, month, digits=inner, within=within)
    return [figure for place in places for figure in _of(place, found.get(place.code, {}))]


def _of(place: Place, seen: dict[str, int]) -> list[Figure]:
    values: dict[str, int | None] = {**seen, **derived(seen)}
    return [Figure(place, each, values.get(each.code, None if each.is_protected else 0)) for each in SHOWN]


def places_of(code: str) -> list[Place]:
    """The region first, then those in it. Raises RegionNotFound."""
    if code == NATION:
        return [Place(NATION, "nasional", NATION_NAME), *(_place(each) for each in regions.provinces())]
    region = regions.find(code)
    if region is None or region.level > regions.Level.REGENCY:
        raise RegionNotFound
    return [_place(region), *(_place(each) for each in regions.regencies_of(code))]


def _place(region: regions.Region) -> Place:
    level = "provinsi" if region.level is regions.Level.PROVINCE else "kabupaten/kota"
    return Place(region.code, level, region.name)
