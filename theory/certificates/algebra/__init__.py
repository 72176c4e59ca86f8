"""Algebra: the steps of the claims C1-C22, each proved by z3 over the reals or by sympy, and each able to fail.

``engine`` is what they share. Each module here holds the steps of a claim, or of a part of one: ``manifests()`` gives them, and
how they make up the claim. Where there are steps in no manifest, or another module's in one, ``obligations()`` lists its own.

Expectations are real numbers here, and vectors are their inner products: what linearity of E, or the sign of a square, gives in a step is
one of its named hypotheses. What stands outside of the algebra, such as the induction over the number of steps, is named in
``Certificate.axiom``. Of e^x and log the axioms alone are known: a counterexample to a mutant there shows that they do not give it.
"""
