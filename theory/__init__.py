"""Numbers: constants in, bounds out. NumPy only."""
