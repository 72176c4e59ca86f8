"""What each simulation draws from."""

from __future__ import annotations

from collections.abc import Mapping

LAWS: Mapping[str, str] = {
    "study": """The study's own paired differences at its five settings, moved to a known mean, are a population, and seeds are drawn
from it. So differences have the skewness, the ties and the spread that they had, and the claims at a setting depend
on each other as they did. Without an effect, one of the comparisons that a claim needs is 0, and the others are ten
times what matters in its favour. With the wrong unit one setting also votes for all five. The row of normal differences
redraws as many with the same spread. What it has beyond 5 % comes of redrawing so few, and not of the study's law.""",
    "third round": """The same of the third round's settings. A trial takes one group of settings with the same schedule and the same wrong
labels.""",
    "predictions": """The same of the differences of P1, P2 and P5 at the settings of the MLP. With the wrong unit one setting stands for
all. P3 and P4 are read at the limit of what they say, where seeds differ.""",
    "regret": """Four arms of 10 seeds, whose losses share a part that is ten times as large as what they don't share. The tuning has
5 other seeds.""",
    "drops": """The lines of the figure of the best drop: a setting, an outcome and a θ, each with about ten drops. The study's differences
from training without smoothing are moved to 0, seed by seed, and seeds are drawn from them.""",
    "planned seeds": "Normal differences, as the t-test takes them for, with an effect of 0.8 standard deviations.",
    "runs": """The last iterate of SGD on w²/2 at η = 1/L, whose ‖∇F‖² is a squared normal number. Of what the simulator reports it
has the longest tail.""",
    "bets": """F after a noisy step on w²/2, with a long tail to the right, and F - F* of a cosine, with one to the left. Every bound
is the mean itself, which is the hardest true one.""",
    "rates": "SGD on w²/2 with the step of C4, 50 replicas where the records have 200, for three ε; the truth is the exact law's.",
    "branches": """‖∇F‖² of two arms with the same mean on the same noise, which is spread over more directions in one than in the other.
So their difference is skewed.""",
    "hit rates": "Settings whose rows all agree, with from 2 to 20 rows each. Then settings are all that there is to count.",
    "following": "512 examples in 32 groups from a population of 1,500 whose lengths of gradients have a long tail.",
    "monitored": """128 examples of the same population in 16 groups, drawn without replacement, as a monitor measures if nothing else is
asked of it. θ is such that smoothing leaves the variance of a batch as it is, and the weights stay as they are for 20 looks.""",
    "percentages": "2,000 draws that cover with probability 0.95.",
}
"""Simulation -> the law that is simulated, and why."""
