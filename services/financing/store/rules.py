"""The dated rules of financing and the texts of consents, read once from the files beside the code."""

from functools import cache
from pathlib import Path

from services.financing.domain import consent_text
from services.financing.domain.consent_text import ConsentTexts
from shared import rules
from shared.rules import Rules

FOLDER = Path(__file__).parents[1]


@cache
def lending_rules() -> Rules:
    """Rates, thresholds and switches, each with its legal source."""
    return rules.load(FOLDER / "rules.json")


@cache
def consent_texts() -> ConsentTexts:
    """The words to which people say yes."""
    return consent_text.load(FOLDER / "consent_texts.json")
