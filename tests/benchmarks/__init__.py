"""What the moments cost, beside the other ways to get them: ``python -m tests.benchmarks.moments``."""
