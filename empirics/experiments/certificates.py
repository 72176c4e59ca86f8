"""The certificates as an experiment: what ``tsla records certificates`` runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from tsla.theory.certificates import certify


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """One row a certificate of the ``group``: the fields of :class:`tsla.theory.certificates.Certificate`."""
    return pd.DataFrame([asdict(certificate) for certificate in certify(config["group"])])
