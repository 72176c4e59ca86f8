"""Exact worst cases by semidefinite programming (performance estimation), laid beside the formulas of ``theory``.

Nothing of our algebra goes in: the program knows the class of functions, the steps and the noise, and finds the worst of them. What
it says of T steps it says of that T and of these constants only; what it says of one step can be summed over any number of them.
"""
