"""The dated rules of programmes, read once."""

from pathlib import Path
from typing import Final

from shared import rules

RULES: Final = rules.load(Path(__file__).parent.parent / "rules.json")
