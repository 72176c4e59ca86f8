"""`tsla measure` and `tsla plan`: from measurements to a sentence."""
