"""The table of ``docs/one_sided_tests.md``: what the one-sided tests refute when constants are halved."""

from __future__ import annotations

from pathlib import Path

from tsla.empirics.runs import records
from tsla.figures import markdown


def tables(folder: Path) -> tuple[str]:
    """One line an instance."""
    titles = ("claim", "instance", "measured", "bound", "exact / bound", "p-value of half the bound", "p-value of the bound")
    lines = []
    for row in records.of(folder, "power_of_tests").table.to_dict("records"):
        half = f"{row['p_value']:.0e}" if row["p_value"] > 1e-300 else "< 1e-300"
        numbers = (f"{row['measured']:.4g}", f"{row['bound']:.4g}", f"{row['ratio']:.3f}", half, f"{row['p_bound']:.2g}")
        lines.append((str(row["claim"]), str(row["instance"]), *numbers))
    return (markdown.table(titles, lines),)
