"""Shipping fees: by how far a parcel goes and its weight, per started kilogram, from dated rates.

What must stay true: a fee is a calculation on the rates in force on the day of the order, so it can be repeated later;
rates live in a file, never in code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Distance(StrEnum):
    """How far apart seller and buyer are."""

    SAME_REGENCY = "same_regency"
    SAME_PROVINCE = "same_province"
    SAME_ISLAND_GROUP = "same_island_group"
    OTHER = "other"


class Rates(BaseModel):
    """Rupiah per started kilogram from one day on."""

    model_config = ConfigDict(frozen=True)

    valid_from: date
    source: str = Field(min_length=1, description="Who decided these rates, and where that is written.")
    per_started_kg_minor: dict[Distance, int]


class Tariff(BaseModel):
    """All rates, past and coming, and which provinces lie on the same islands."""

    model_config = ConfigDict(frozen=True)

    island_groups: dict[str, list[str]]
    rates: list[Rates] = Field(min_length=1)

    @cached_property
    def group_of_province(self) -> Mapping[str, str]:
        """The island group of each province code."""
        return {province: group for group, provinces in self.island_groups.items() for province in provinces}

    def on(self, day: date) -> Rates:
        """The rates in force on `day`. Raises LookupError before the first."""
        known = [rates for rates in self.rates if rates.valid_from <= day]
        if not known:
            raise LookupError(f"no shipping rates are in force on {day}")
        return max(known, key=lambda rates: rates.valid_from)

    def distance(self, origin: str, destination: str) -> Distance:
        """Between two region codes; where only a province is known, the regency counts as another one."""
        from_province, to_province = origin[:2], destination[:2]
        if from_province == to_province:
            is_same_regency = len(origin) >= 5 and origin[:5] == destination[:5]
            return Distance.SAME_REGENCY if is_same_regency else Distance.SAME_PROVINCE
        group = self.group_of_province.get(from_province)
        if group is not None and group == self.group_of_province.get(to_province):
            return Distance.SAME_ISLAND_GROUP
        return Distance.OTHER


@dataclass(frozen=True, slots=True)
class ShippingFees:
    """The tariff as it is on the day of an order."""

    tariff: Tariff
    rates: Rates

    def fee_minor(self, *, origin: str, destination: str, weight_grams: int) -> int:
        """What one parcel costs; every started kilogram counts, and there is at least one."""
        kilograms = max(1, -(-weight_grams // 1000))
        return kilograms * self.rates.per_started_kg_minor[self.tariff.distance(origin, destination)]


def load(path: Path) -> Tariff:
    """The tariff in a JSON file. Raises pydantic.ValidationError when it does not make sense."""
    tariff = Tariff.model_validate_json(path.read_bytes())
    _check_complete(tariff.rates)
    return tariff


def _check_complete(rates: Sequence[Rates]) -> None:
    for rate in rates:
        missing = set(Distance) - set(rate.per_started_kg_minor)
        if missing or min(rate.per_started_kg_minor.values()) < 0:
            raise ValueError(f"shipping rates of {rate.valid_from} lack a distance or go below zero")
