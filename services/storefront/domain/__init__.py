"""Nouns and rules of the storefront: no await, no clock, no network."""
