"""Money as the world tells us of it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that came in, in rupiah, under the provider's own reference."""

    provider: str
    provider_reference: str
    amount_minor: int
    received_at: datetime
