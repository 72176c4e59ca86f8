"""Samples really needed against ε, beside C9, C12 and C15."""
