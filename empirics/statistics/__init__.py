"""Intervals, tests, power; no torch."""
