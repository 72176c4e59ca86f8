"""What the symbols of the claims mean, in the words of docs/glossary.md, and where they stand in a text."""

from __future__ import annotations

import re
from dataclasses import dataclass

MEANINGS = {
    "F": "the expected cross-entropy at weights w, which is what training lowers",
    "F*": "the expected cross-entropy at weights w, which is what training lowers; its infimum",
    "F0": "a number that is at least F(w_0) - F*",
    "∇F": "the gradient of F",
    "E": "expectation over the examples that are drawn, given the weights where the weights are named",
    "g": "stochastic gradient at the true label",
    "ĝ": "stochastic gradient at the smoothing label",
    "ŷ": "the label of an example as a distribution over K classes; the smoothing label that is mixed into it",
    "θ": "smoothing strength, from 0 (no smoothing) to 1 (the smoothing label alone)",
    "g_LS": "the direction of label smoothing, (1-θ)g + θĝ (C1)",
    "η": "step size",
    "η1": "step size; that of the smoothed stage and that of the plain stage",
    "η2": "step size; that of the smoothed stage and that of the plain stage",
    "T": "number of steps",
    "T1": "number of steps; those of the smoothed stage and those of the plain stage",
    "T2": "number of steps; those of the smoothed stage and those of the plain stage",
    "τ": "in C22, the length to which a longer gradient is clipped, and the largest ‖∇F‖ along the run",
    "w_R": "an iterate that is drawn at random from a run, or from its last stage",
    "ε": "target: a method is done when E‖∇F(w_R)‖² ≤ ε²",
    "L": "∇F is Lipschitz with the constant L, which is called smoothness or curvature",
    "A1": "∇F is Lipschitz with the constant L, which is called smoothness or curvature",
    "A2": "E g = ∇F, and E‖g-∇F‖² ≤ σ²",
    "σ²": "E g = ∇F, and E‖g-∇F‖² ≤ σ²",
    "A3": "E‖ĝ-∇F‖² ≤ δσ²; of measured moments δ = ŝ²/s²",
    "δ": "E‖ĝ-∇F‖² ≤ δσ²; of measured moments δ = ŝ²/s²",
    "A4": "the Polyak-Łojasiewicz inequality 2μ(F - F*) ≤ ‖∇F‖²",
    "μ": "the Polyak-Łojasiewicz inequality 2μ(F - F*) ≤ ‖∇F‖²",
    "A2′": "A2 and A3 with 2A(F-F*) + B‖∇F‖² + C in the place of σ²: noise that grows (C20)",
    "A3′": "A2 and A3 with 2A(F-F*) + B‖∇F‖² + C in the place of σ²: noise that grows (C20)",
    "κ": "condition number L/μ",
    "s²": "variance of g, E‖g-∇F‖²",
    "ŝ²": "second moment of ĝ about ∇F, E‖ĝ-∇F‖² = β² + ν²",
    "c": "covariance E⟨g-∇F, ĝ-∇F⟩",
    "β²": "squared bias of ĝ, ‖Eĝ-∇F‖²; no batch size lowers it",
    "ν²": "noise of ĝ, E‖ĝ-Eĝ‖²",
    "V(θ)": "the lemma's bound on the second moment of g_LS, (1-θ)σ² + θδσ² (C2)",
    "U(θ)": "the smallest bound that A2 and A3 give on that second moment, σ²((1-θ) + θ√δ)² (C18)",
    "W": "the floor of C12 at the worst split of δσ² into b² and n² (C18)",
    "N(θ)": "noise of g_LS, (1-θ)²s² + θ²ν² + 2θ(1-θ)c; with bounds for moments, σ² for s²",
    "θ*": "the θ of least second moment (C11)",
    "θ°": "the θ of least floor at the step size η (C12; of least W in C18)",
    "δ0": "‖∇F‖²/s², the δ of ĝ = 0 (C17)",
    "B_c": "critical batch size: below it smoothing at θ lowers the second moment of a batch (C14)",
    "SGD": "stochastic gradient descent with g",
    "LSR": "label smoothing regularisation: the direction g_LS throughout",
    "TSLA": "the two-stage algorithm: LSR for the first steps or epochs, then plain SGD",
}
"""Symbol -> its meaning."""


def _pattern(symbol: str) -> str:
    """Of a symbol that is no part of a word or of a longer symbol; a Greek letter may have a Latin one beside it, as in ηL."""
    if not symbol[-1].isalnum():
        return re.escape(symbol)
    after = "[A-Za-z0-9′]" if symbol[0].isascii() else "[0-9′]"
    return rf"(?<![A-Za-z_]){re.escape(symbol)}(?!{after})" if symbol[0].isascii() else rf"{re.escape(symbol)}(?!{after})"


_SYMBOL = re.compile("|".join(map(_pattern, sorted(MEANINGS, key=len, reverse=True))))


@dataclass(frozen=True)
class Piece:
    """A part of a text: a symbol, where ``meaning`` is not empty, or what stands between two."""

    text: str
    meaning: str = ""


def pieces(text: str) -> list[Piece]:
    """The text in parts, each symbol with its meaning where it stands first."""
    found, seen, at = [], set[str](), 0
    for match in _SYMBOL.finditer(text):
        symbol = match[0]
        if symbol in seen:
            continue
        seen.add(symbol)
        found += [Piece(text[at : match.start()]), Piece(symbol, MEANINGS[symbol])]
        at = match.end()
    return [piece for piece in (*found, Piece(text[at:])) if piece.text]
