"""What people read: a heading, and what they can do now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """A heading, and what one can do now."""

    title: str
    text: str
