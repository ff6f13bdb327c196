"""Nouns and rules of financing: no await, no clock, no database."""
