"""From a pilot run to a plan: the strength θ and the epoch at which smoothing is dropped, and how far either can be trusted."""
