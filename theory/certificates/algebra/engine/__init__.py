"""What the proofs share: the engine (``obligation``), what ``theory`` computes (``formulas``), constants, recursions and axioms."""
