"""Rate limits (GCRA): a bucket of `burst` tokens that gets one back every `every_seconds`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit; each contact or network address has its own bucket."""

    name: str
    burst: int
    every_seconds: float


# A contact gets three messages at once, then one a minute.
CODES_PER_CONTACT = Limit("codes per contact", burst=3, every_seconds=60)

# Ten wrong passwords or codes at once, then one every five minutes: 300 guesses a day at a million codes.
ATTEMPTS_PER_CONTACT = Limit("attempts per contact", burst=10, every_seconds=300)


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits. Those per network address are settings: many people share one behind a carrier's NAT."""

    codes_per_address: Limit
    attempts_per_address: Limit
    codes_per_contact: Limit = CODES_PER_CONTACT
    attempts_per_contact: Limit = ATTEMPTS_PER_CONTACT

    @classmethod
    def per_address(cls, *, burst: int, every_seconds: float) -> "Limits":
        """With the given bucket for codes asked for, and for wrong attempts, from one network address."""
        return cls(
            codes_per_address=Limit("codes per address", burst, every_seconds),
            attempts_per_address=Limit("attempts per address", burst, every_seconds),
        )
