"""Nouns and rules of orders: no await, no clock, no database."""
