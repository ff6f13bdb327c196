"""Programmes: training, certificates, aid and what a region sees of it."""
