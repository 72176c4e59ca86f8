"""How often the intervals of :mod:`tsla.empirics.moments.estimators` cover on real networks: draws from known populations.

A population is the examples of a training set at one point of training. Its explicit per-example gradients give the Gram matrices
``⟨g_i, g_j⟩, ⟨ĝ_i, ĝ_j⟩, ⟨g_i, ĝ_j⟩``; a draw of groups is then arithmetic on them (``populations.py``). ``rules.py`` has what is compared,
and ``experiment.py`` makes the record (`tsla records coverage`).
"""
