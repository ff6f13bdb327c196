"""The dated rules of `rules.json`."""

from pathlib import Path

from shared import rules

RULES = rules.load(Path(__file__).parents[1] / "rules.json")
