"""Nouns and rules of cooperatives: no await, no clock, no database."""
