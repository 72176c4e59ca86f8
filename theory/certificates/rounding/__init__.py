"""Enclosures in ball arithmetic (Arb): what the formulas really are, beside what float64 makes of them and what is printed."""
