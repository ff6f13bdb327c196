"""Which regions somebody may act for: operators for all, a province also for its regencies, a regency for itself."""

from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "government:"


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody's rights, from the roles in their token."""

    is_operator: bool
    codes: tuple[str, ...]

    @classmethod
    def of(cls, roles: Iterable[str]) -> "Officer":
        """The rights that these platform roles give; nothing for who has none."""
        roles = sorted(roles)
        codes = tuple(role.removeprefix(PREFIX) for role in roles if role.startswith(PREFIX))
        return cls("operator" in roles, codes)

    @property
    def is_none(self) -> bool:
        """Whether they act for no region at all."""
        return not self.is_operator and not self.codes

    def acts_for(self, region_code: str) -> bool:
        """Whether this region is theirs."""
        return self.is_operator or region_code in self.codes or region_code[:2] in self.codes
