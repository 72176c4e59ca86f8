"""Every claim, once: the list from which ``paper_checks.md`` is made, and by whose ids evidence names what it is evidence for.

The setting: cross-entropy ``F``, one-hot gradient ``g``, smoothing-label gradient ``ĝ``, ``g_LS = (1-θ)g + θĝ``. A1: ∇F is
L-Lipschitz. A2: ``E g = ∇F``, ``E‖g-∇F‖² <= σ²``. A3: ``E‖ĝ-∇F‖² <= δσ²``. A4 (PL): ``2μ(F - F*) <= ‖∇F‖²``. A2′, A3′: as A2 and
A3, with ``2A(F-F*) + B‖∇F‖² + C`` for σ². ``w_R``: a uniformly random iterate of the run (of the last stage, where there are several).
"""

from __future__ import annotations

from dataclasses import dataclass

from tsla.theory.methods import declared

PAPER = "Xu et al. 2020"
OURS = "derived here"

KINDS = ("composite", "algebra", "worst case", "rounding", "property", "Monte Carlo", "measurement")
"""The kinds of evidence. A composite proves: the claim follows from steps that algebra proves. The others bound, support or refute."""

STUDY = "the study of docs/study_plan.md: `make study`"

STEP, LONG_STEP, GAIN = "eta<=1/L", "eta<2/L", "delta<1"
"""Beside A1-A4: the two limits of the step size, and what C2, C9 and C10 ask of δ for smoothing to pay."""
PLAIN, SMOOTHED = ("A1", "A2", STEP), ("A1", "A2", "A3", STEP)
PLAIN_PL, SMOOTHED_PL = ("A1", "A2", "A4", STEP), ("A1", "A2", "A3", "A4", STEP)


@dataclass(frozen=True)
class Claim:
    """A claim.

    title:        three to six words for a table
    statement:    the claim in symbols, each clause of which the algebra proves; of training, the source's words
    assumes:      what has to hold; nothing for an identity or an instance, and for what is measured
    missing:      what it would take to decide it where there is no evidence yet
    of_training:  it is about training networks. A verdict on it holds on the settings where it was found, and has to name them
    parts:        claims that assume something else and are decided with it, for evidence names the whole
    sentence:     the statement in words; nothing where it has no symbols
    """

    id: str
    title: str
    statement: str
    source: str
    assumes: tuple[str, ...] = ()
    missing: str = "an implementation with its tests"
    of_training: bool = False
    parts: tuple[Claim, ...] = ()
    sentence: str = ""


def _of_training(name: str, title: str, statement: str) -> Claim:
    return Claim(name, title, statement, f"{PAPER}, whose networks are ResNets", missing=STUDY, of_training=True)


CLAIMS = (
    Claim(
        "C1",
        "smoothing mixes two gradients",
        "g_LS = (1-θ) g + θ ĝ",
        PAPER,
        sentence="The gradient at a smoothed label is the mixture, in the same shares, of the gradients at the two labels.",
    ),
    Claim(
        "C2",
        "the variance lemma",
        "E‖g_LS-∇F‖² ≤ V(θ) = (1-θ)σ² + θδσ²; V(1/(1+δ)) = 2δσ²/(1+δ); V < σ² iff δ < 1",
        PAPER,
        ("A2", "A3"),
        sentence=(
            "The mean squared error of the smoothed direction is at most V(θ). At the paper's θ = 1/(1+δ) that is 2δσ²/(1+δ). V is "
            "below plain SGD's σ² exactly where δ < 1."
        ),
    ),
    Claim(
        "C3",
        "descent in one step",
        "F(w-ηd) ≤ F(w) - (η/2)‖∇F‖² + (η/2)‖d-∇F‖² for η ≤ 1/L",
        PAPER,
        ("A1", STEP),
        sentence="A step of size η along any direction d lowers F by at least (η/2)‖∇F‖², less (η/2) times the squared error of d.",
    ),
    Claim(
        "C4",
        "plain SGD's bound",
        "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + ηLσ²; O(1/ε⁴) samples",
        f"{PAPER}; Ghadimi and Lan 2013",
        PLAIN,
        sentence=(
            "The mean squared gradient of plain SGD is at most a part that falls as 1/T plus a part that falls with the step size. "
            "Its plan to reach ε² takes a number of samples of order 1/ε⁴."
        ),
    ),
    Claim(
        "C5",
        "the bound of LSR",
        "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + V(θ); O(1/ε²) samples if δ = O(ε²)",
        PAPER,
        SMOOTHED,
        sentence=(
            "With label smoothing the part that stays is V(θ), whatever the step size. Where δ is of order ε², a number of samples "
            "of order 1/ε² is enough."
        ),
    ),
    Claim(
        "C6",
        "LSR's bound has a floor",
        "for larger δ the bound C5 never falls under V(θ)",
        PAPER,
        SMOOTHED,
        sentence="No number of steps and no step size brings the bound of C5 below V(θ).",
    ),
    Claim(
        "C7",
        "TSLA's first stage",
        "E[F(w_T1)-F*] ≤ (1-η1μ)^T1 F0 + V(θ)/(2μ)",
        PAPER,
        SMOOTHED_PL,
        sentence="Under A4 the smoothed stage closes the gap F-F* geometrically, up to V(θ)/(2μ).",
    ),
    Claim(
        "C8",
        "TSLA's bound and plan",
        "E‖∇F(w_R)‖² ≤ 2·gap(C7)/(η2T2) + η2Lσ²; T1 + ⌈8δσ²/(μη2ε²)⌉ samples",
        PAPER,
        SMOOTHED_PL,
        sentence="TSLA's second stage has the bound of plain SGD (C4) from the gap that C7 leaves. The plan adds the steps of both stages.",
    ),
    Claim(
        "C9",
        "samples by the size of δ",
        "at δ = ε^q the plans take: TSLA 1/ε^(4-q) with A4, of which for q > 2 stage 1 alone would do (C19), LSR 1/ε² from q = 2 on, "
        "SGD 1/ε⁴ without A4",
        PAPER,
        (*SMOOTHED_PL, GAIN),
        sentence="How the number of samples that each plan asks for grows as ε falls, where δ is the power ε^q.",
    ),
    Claim(
        "C10",
        "the lemma's own best θ",
        "V is linear in θ: for δ < 1 its minimum is δσ², at θ = 1",
        OURS,
        ("A2", "A3", GAIN),
        sentence=(
            "V is a straight line in θ, and the paper's θ is not its lowest point. Where δ < 1 that is θ = 1, which throws the true "
            "labels away."
        ),
    ),
    Claim(
        "C11",
        "the exact second moment",
        "(1-θ)²s² + θ²ŝ² + 2θ(1-θ)c, least at θ* = (s²-c)/(s²+ŝ²-2c)",
        OURS,
        sentence="The mean squared error of the smoothed direction is a parabola in θ, whose lowest point has a closed form.",
    ),
    Claim(
        "C12",
        "bias apart from noise",
        "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + θ²β² + ηL N(θ)",
        f"{OURS}; Ajalloeian and Stich 2020",
        SMOOTHED,
        "the bound with bias and noise apart, θ°(η), and runs whose floor moves with η as it says",
        parts=(Claim("C12-gap", "the gap under A4", "E[F(w_T)-F*] ≤ (1-ημ)^T F0 + (θ²β² + ηL N(θ))/(2μ)", OURS, SMOOTHED_PL),),
        sentence="Where the bias of ĝ is told from its noise, only the bias stays: the noise falls with the step size.",
    ),
    Claim(
        "C13",
        "a stall that is real",
        "on (L/2)w² with ĝ = Lw - sign(w)√δσ, LSR stays near ‖∇F‖² = θ²δσ²",
        OURS,
        sentence="There is an instance on which it is LSR that stalls, and not its bound alone.",
    ),
    Claim(
        "C14",
        "the critical batch size",
        "smoothing lowers the second moment of a batch of B iff B < (s²-N(θ))/(θ²β²)",
        OURS,
        ("A2", "A3"),
        "the critical batch size, and batches drawn on both sides of it",
        sentence=(
            "Smoothing lowers the error of a batch's direction only in batches smaller than a critical size, since averaging "
            "removes noise and leaves bias."
        ),
    ),
    Claim(
        "C15",
        "fair baselines for TSLA",
        "plain SGD with A4 reaches ε² in O(1/ε²) samples; TSLA's bound is nowhere below the best of that and of LSR alone",
        OURS,
        SMOOTHED_PL,
        parts=(
            Claim("C15a", "the last iterate", "E‖∇F(w_T)‖² ≤ 2L(1-ημ)^T F0 + ηL²σ²/μ of plain SGD", OURS, PLAIN_PL),
            Claim("C15b", "three phases", "plain SGD whose step size falls as 1/t reaches ε² in O(1/ε²) samples", OURS, PLAIN_PL),
            Claim("C15c", "two step sizes", "TSLA's two step sizes without smoothing: its second stage gains 2δ/(1+δ)", OURS, PLAIN_PL),
        ),
        sentence=(
            "Plain SGD that may use A4 too needs a number of samples of order 1/ε². The better of it and of LSR alone never asks "
            "for more than TSLA."
        ),
    ),
    Claim(
        "C16",
        "SGD's exact worst case",
        "E‖∇F(w_R)‖² ≤ [2(F0-EF(w_T))/(ηT) + ηLσ²]/(2-ηL)",
        OURS,
        ("A1", "A2", LONG_STEP),
        "the bound, and performance-estimation programs that attain it",
        sentence="This bound on plain SGD holds for step sizes below 2/L, and no smaller one does.",
    ),
    Claim(
        "C17",
        "a smaller step as control",
        "ĝ = 0 satisfies A3 too: smoothing counts only beyond SGD with step (1-θ)η",
        OURS,
        sentence=(
            "The zero vector satisfies A3 as ĝ does, and with it smoothing is a smaller step. So only what smoothing does beyond "
            "that counts."
        ),
    ),
    Claim(
        "C18",
        "the sharp bound of LSR",
        "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + W(θ,ηL), W(θ°) = σ²δy/(δ+y) at θ° = y/(δ+y), y = ηL/(1-ηL); smoothing buys (4LF0/ε²)(1/δ-1) samples",
        OURS,
        SMOOTHED,
        "W and its best θ, the plan, the exact form, and instances that attain them",
        parts=(
            Claim("C18-lemma", "the sharp lemma", "E‖g_LS-∇F‖² ≤ U(θ) = σ²((1-θ)+θ√δ)², attained by ĝ-∇F = √δ(g-∇F)", OURS, ("A2", "A3")),
            Claim("C18-gap", "the gap under A4", "E[F(w_T)-F*] ≤ (1-ημ)^T F0 + W(θ,ηL)/(2μ)", OURS, SMOOTHED_PL),
        ),
        sentence=(
            "A2 and A3 give a smaller bound than C5's. Its best θ has a closed form, and so has the number of samples that "
            "smoothing spares."
        ),
    ),
    Claim(
        "C19",
        "the last iterate",
        "E‖∇F(w_T)‖² ≤ 2L·gap (C7, C12, C18): ε² in κ log⁺(2LF0/(ε²-κV)) samples if κV < ε²",
        OURS,
        SMOOTHED_PL,
        sentence=(
            "Under A4 the bounds on the gap are bounds on the gradient at the last iterate. Smoothing alone reaches ε² in a number "
            "of samples that grows as log(1/ε), if its floor fits."
        ),
    ),
    Claim(
        "C20",
        "noise that grows",
        "E‖g-∇F‖² ≤ 2A(F-F*) + B‖∇F‖² + C: E‖∇F(w_R)‖² ≤ [2F0 ηLA/(1-(1+LAη²)^-T) + ηLC]/(2-ηL(1+B)), P(R = t) ∝ (1+LAη²)^-t",
        f"{OURS}; Khaled and Richtárik 2020",
        ("A1", "A2′", LONG_STEP),
        parts=(Claim("C20-lsr", "label smoothing", "ρ[2F0 A/(1-(1+ηρA)^-T) + C]/(1-ρB), ρ = 1-θ+θδ", OURS, ("A1", "A2′", "A3′", STEP)),),
        sentence=(
            "The bound of SGD where the noise may grow with the gap and with the gradient (A2′). The random iterate is drawn with "
            "weights that fall along the run."
        ),
    ),
    Claim(
        "C21",
        "SGD with heavy-ball momentum",
        "v⁺ = mv+g, w⁺ = w-ηv⁺: E‖∇F(w_R)‖² ≤ [2F0/(hT) + hL(1+m)σ²]/(2-hL(1+m)/(1-m)), h = η/(1-m)",
        f"{OURS}; Liu, Gao and Yin 2020",
        ("A1", "A2", LONG_STEP),
        sentence="The bound of SGD with momentum m, in the step size h = η/(1-m) that it amounts to.",
    ),
    Claim(
        "C22",
        "SGD with clipped gradients",
        "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + σ⁴/(16(τ-S)²) + ηLσ² where ‖∇F‖ ≤ S < τ; on an instance E clip(g) = 0 at ‖∇F‖ = σ²/(4τ)",
        OURS,
        PLAIN,
        sentence="Clipping at τ adds a bias of at most σ²/(4(τ-S)) where no gradient is longer than S. On an instance it stops the run.",
    ),
    *(Claim(own.claim, own.title, own.statement, own.source, (*own.assumes, STEP)) for own in declared() if own.statement),
    _of_training(
        "E1", "less variance early in training", "LSR reduces the variance of the stochastic gradient during training, at least early"
    ),
    _of_training("E2", "faster early epochs", "LSR speeds up the early epochs"),
    _of_training(
        "E3",
        "TSLA beats plain training and LSR",
        "TSLA(s), which drops LSR after epoch s, beats both plain training and LSR on ResNet classification",
    ),
    _of_training(
        "E4", "a best epoch to drop", "the benefit has a best s inside the run: too early loses the help, too late keeps the harm"
    ),
    _of_training("E5", "the same for other ŷ", "the same holds for other ŷ, such as the model's own predictions"),
)

BY_ID = {claim.id: claim for claim in CLAIMS}
if len(BY_ID) < len(CLAIMS):
    twice = next(claim for claim in reversed(CLAIMS) if BY_ID[claim.id] is not claim)
    raise ValueError(f"there are two claims called {twice.id}; that of {twice.title!r} needs an id of its own")
ASSUMES = {part.id: part.assumes for claim in CLAIMS for part in (claim, *claim.parts)}
"""What each claim, and each part of one, assumes."""
for _method in declared():
    if _method.claim not in ASSUMES:
        raise ValueError(f"{_method.name}: {_method.claim} is stated nowhere; must have title, statement and source")
