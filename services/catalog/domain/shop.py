"""A shop, who may do what in it, and its count of facts.

A shop is held under its row lock while its facts are numbered: `next_sequence` has no gap and no twin.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.catalog.domain.problems import NotYourTask, ShopClosed
from shared.contracts.catalog import ShopOpened, ShopStaffChanged, StaffMember


class Role(StrEnum):
    """What somebody is in a shop. The owner and managers list and price; packers see the shop and count its stock."""

    OWNER = "owner"
    MANAGER = "manager"
    PACKER = "packer"


@dataclass(slots=True)
class Shop:
    """A shop under its row lock; `role` is the caller's, None when the system acts."""

    shop_id: UUID
    owner_id: UUID
    region_code: str
    is_open: bool
    sequence: int
    role: Role | None = None
    cooperative_id: UUID | None = None

    def next_sequence(self) -> int:
        """The number of the next fact of this shop."""
        self.sequence += 1
        return self.sequence

    def require(self, *roles: Role) -> None:
        """Raise NotYourTask unless the caller has one of the roles, ShopClosed when nothing can be done any more."""
        if self.role not in roles:
            raise NotYourTask(f"this is for: {', '.join(roles)}")
        if not self.is_open:
            raise ShopClosed

    def opened(self, opened_at: datetime) -> ShopOpened:
        """The fact that it exists."""
        return ShopOpened(
            shop_id=self.shop_id,
            owner_id=self.owner_id,
            cooperative_id=self.cooperative_id,
            region_code=self.region_code,
            sequence=self.next_sequence(),
            opened_at=opened_at,
        )

    def staff_changed(self, staff: Iterable[tuple[UUID, Role]], changed_at: datetime) -> ShopStaffChanged:
        """The fact of who works here from now on."""
        return ShopStaffChanged(
            shop_id=self.shop_id,
            staff=tuple(StaffMember(account_id=account_id, role=role.value) for account_id, role in staff),
            sequence=self.next_sequence(),
            changed_at=changed_at,
        )
