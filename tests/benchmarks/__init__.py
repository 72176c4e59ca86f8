"""What the moments cost, beside the other ways to get them: ``python -m tests.benchmarks.moments``."""

import os

# Before anything imports torch: threads that wait by spinning would count as work, and slow down whoever is timed next to them.
os.environ["OMP_WAIT_POLICY"] = "passive"
