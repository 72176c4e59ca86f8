"""Rules that name a strength and a drop epoch from a pilot, their regret in the study, and whether any can be trusted."""
