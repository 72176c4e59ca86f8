"""What the proofs share: obligations (``obligation``), and how they make up a claim.

A claim is a ``manifest`` of ``steps``, which start from what is ``known``: from ``premises``, which are entries of a closed ``table``. Also
what ``theory`` computes (``formulas``), its functions themselves (``functions``), symbols, recursions and axioms.
"""
