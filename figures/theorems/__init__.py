"""Theorems of one's own: read from a file, decided by the machinery of the claims, and written as a page."""
