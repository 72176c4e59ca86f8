"""‖∇F‖², s², ŝ², c, β², ν² of a network: exact, from some examples, along a loop."""
