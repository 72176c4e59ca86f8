"""Runs and measurements: algorithms in, records out. Never draws."""
