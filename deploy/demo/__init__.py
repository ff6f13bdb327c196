"""The demonstration: the market's whole journey on the real stack, told as a timeline and checked against SQL."""
