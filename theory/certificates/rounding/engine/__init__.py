"""What the rounding certificates share: the formulas in Arb balls, and the constants at which they are taken."""
