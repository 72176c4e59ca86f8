"""What the proofs share: obligations (``obligation``), how they make up a claim (``manifest``) and what that may assume (``premises``).

Also what ``theory`` computes (``formulas``), its functions themselves (``functions``), constants, recursions and axioms.
"""
