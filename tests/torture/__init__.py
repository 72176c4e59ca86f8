"""What hands, damage, malice and chance do to the toolkit, in seeded tries: ``python -m tests.torture`` (``make torture``).

Each module here has ``tries(seed, n)``, which yields so many tries: what kind it was, and what went wrong, or None.
"""
