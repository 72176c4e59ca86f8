"""``python -m tsla``: the command line."""

import sys

from tsla.cli import main

sys.exit(main())
