"""Passwords: argon2id hashes, and what makes a password acceptable.

Hashing is meant to be slow: never call this on the event loop. An unknown contact costs as much as a known one.
"""

from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LENGTH_MIN = 10
LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Proof:
    """What checking a password against an account found.

    `hash` is what to store: for a new account, or when the stored one was made with other parameters; else None.
    """

    is_right: bool
    hash: str | None


class Hasher:
    """argon2id with fixed parameters. 19 MiB and 2 passes are the least that OWASP's password cheat sheet advises."""

    def __init__(self, *, memory_kib: int = 19_456, passes: int = 2) -> None:
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._nobody = self._argon2.hash("the password of nobody")

    def hash(self, password: str) -> str:
        """A new hash."""
        return self._argon2.hash(password)

    def check(self, password: str, stored: str | None) -> Proof:
        """Whether the password is right. Without a stored hash it takes as long, and is wrong."""
        try:
            self._argon2.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return Proof(False, None)
        if stored is None:
            return Proof(False, None)
        return Proof(True, self.hash(password) if self._argon2.check_needs_rehash(stored) else None)

    def check_or_hash(self, password: str, stored: str | None) -> Proof:
        """For registering: check a password that is there, hash one that is not; both take as long."""
        return Proof(False, self.hash(password)) if stored is None else self.check(password, stored)
