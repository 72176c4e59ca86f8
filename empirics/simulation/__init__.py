"""Problems, oracles and SGD with known constants; no torch."""
