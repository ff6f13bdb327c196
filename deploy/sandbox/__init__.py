"""The outside world in small: a payment provider and a notice channel, as real processes with their own state."""
