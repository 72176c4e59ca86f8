"""What is proved is what the code computes: the terms of the obligations, at rational points, beside the functions of ``theory``."""

from __future__ import annotations

import numpy as np
import pytest
import z3

from tests.theory.certificates.points import (
    OBLIGATIONS,
    Case,
    along_smoothing_label,
    annealed,
    burn_in,
    clipped,
    constants,
    falling_step_size,
    floats,
    floor_at,
    growing,
    growing_smoothed,
    growth,
    no_covariance,
    oracle,
    plain_step_size,
    point,
    put,
    quiet,
    reachable,
    rounded_up,
    sharp_floor,
    sharp_plan,
    sharp_shares,
    sharp_units,
    small_target,
    smoothed_phases,
    split,
    stages,
    target_above_kappa,
    total,
    unsplit,
    value,
    with_momentum,
)
from tests.theory.certificates.steps import STEPS
from tsla.theory import (
    biased,
    clipping,
    growing_noise,
    last_iterate,
    lsr,
    lsr_pl,
    momentum,
    sgd,
    sgd_pl,
    sharp,
    sharp_exact,
    sharp_pl,
    smoothed_pl,
    smoothing,
    stall,
    two_stage,
    worst_case,
)
from tsla.theory.plan import whole_steps
from tsla.theory.testing.planted import assert_rejects

CASES = [
    Case("C1", "direction", "conclusion", (0, 0), lambda p: smoothing.mix(p.g, p.ghat, p.theta)),
    Case("C2", "lemma", "conclusion", (1,), lambda p: smoothing.lemma(p.sigma2, p.delta, p.theta)),
    Case("C2", "at the paper's theta", "conclusion", (0,), lambda p: smoothing.lemma(p.sigma2, p.delta, smoothing.paper_theta(p.delta))),
    Case("C2", "at the paper's theta", "conclusion", (1,), lambda p: lsr.floor(constants(p))),
    Case("C3", "one step", "conclusion", (1,), lambda p: sgd.descent(p.F, p.grad2, p.error2, L=p.L, eta=p.eta)),
    Case("C4", "bound", "conclusion", (1,), total(sgd.bound)),
    Case("C4", "plan", "eta", (1,), lambda p: stages(sgd.steps, p)[0].eta),
    Case("C4", "plan", "T", (1,), lambda p: stages(sgd.steps, p)[0].steps, rounded_up, plain_step_size),
    Case("C4", "samples", "conclusion", (1,), lambda p: stages(sgd.steps, p)[0].steps, rounded_up, small_target),
    Case("C5", "bound", "conclusion", (1,), total(lsr.bound, "theta")),
    Case("C5", "one formula for both plans", "T", (1,), lambda p: stages(lsr.steps, p)[0].steps, rounded_up, reachable),
    Case("C5", "plan", "V", (1,), lambda p: lsr.floor(constants(p))),
    Case("C6", "floor", "conclusion", (0, 0), total(lsr.bound, "theta")),
    Case(
        "C7", "contraction, next step", "conclusion", (1,),
        lambda p: two_stage.stage_one(constants(p), eta1=p.eta, T1=p.T + 1, theta=p.theta).total,
    ),
    Case("C7", "logarithm", "conclusion", (1,), lambda p: stages(two_stage.steps, p)[0].steps, burn_in),
    Case("C7", "plan", "argument > 0", (0,), lambda p: stages(two_stage.steps, p)[0].steps, burn_in),
    Case(
        "C8", "bound", "conclusion", (1,),
        lambda p: two_stage.bound(constants(p), eta1=p.eta, T1=p.T, eta2=p.eta, T2=p.T, theta=p.theta).total,
    ),
    Case("C8", "plan", "eta", (1,), lambda p: stages(two_stage.steps, p)[1].eta),
    Case("C8", "samples", "conclusion", (1,), lambda p: stages(two_stage.steps, p)[1].steps, rounded_up, small_target),
    Case("C9", "LSR does not reach it", "conclusion", (0,), lambda p: lsr.floor(constants(p))),
    Case("C13", "at η = 1/L", "conclusion", (1,), lambda p: stall.settled_at_largest_step(p.sigma2, p.delta, p.theta)),
    Case("C13", "half of the floor", "conclusion", (0,), lambda p: stall.settled_at_largest_step(p.sigma2, p.delta)),
    Case("C13", "as η → 0", "conclusion", (0, 0), lambda p: stall.settled(p.sigma2, p.delta)),
    Case("C10", "minimum", "conclusion", (0,), lambda p: smoothing.lemma(p.sigma2, p.delta, smoothing.lemma_theta(p.delta))),
    Case("C11", "what the lemma drops", "conclusion", (1,), lambda p: unsplit(p).second_moment(p.theta)),
    Case("C11", "minimiser", "conclusion", (0,), lambda p: unsplit(p).second_moment(unsplit(p).theta_star)),
    Case("C11", "uncorrelated", "conclusion", (0,), lambda p: smoothing.paper_theta(p.delta)),
    Case("C11", "uncorrelated", "conclusion", (1,), lambda p: unsplit(p).theta_star, clipped),
    Case("C11", "uncorrelated", "conclusion", (0,), lambda p: unsplit(p).theta_star, given=no_covariance),
    Case("C12", "bound", "conclusion", (1,), total(biased.bound, "theta", of=oracle)),
    Case(
        "C12", "contraction, next step", "conclusion", (1,),
        lambda p: biased.gap_bound(constants(p), oracle(p), eta=p.eta, T=p.T + 1, theta=p.theta).total,
    ),
    Case("C12", "smoothed", "conclusion", (0,), lambda p: p.bias2 + split(p).noise(p.theta)),
    Case("C12", "bounds suffice", "conclusion", (1,), lambda p: floor_at(p.theta, p)),
    Case("C12", "θ°, minimiser", "conclusion", (0,), lambda p: floor_at(annealed(p), p)),
    Case("C12", "θ° vanishes", "conclusion", (0,), annealed, clipped),
    Case(
        "C12", "three phases, gain", "conclusion", (1,), lambda p: smoothed_pl.gain(p.sigma2, oracle(p), np.sqrt(p.eps2)),
        given=smoothed_phases,
    ),
    Case("C12", "three phases, last step size", "conclusion", (1,), lambda p: p.scale, given=smoothed_phases),
    Case("C14", "δ of a batch", "conclusion", (1,), lambda p: split(p).at_batch_size(int(p.batch)).delta),
    Case("C14", "critical batch size", "conclusion", (1, 1), lambda p: split(p).critical_batch_size(p.theta)),
    Case("C14", "B_c(1)", "conclusion", (1,), lambda p: split(p).critical_batch_size()),
    Case("C14", "critical batch size at a step size", "conclusion", (1, 1), lambda p: split(p).critical_batch_size(p.theta, eta_L=p.scale)),
    Case("C15", "(a) bound", "conclusion", (1,), total(sgd_pl.last_iterate_bound)),
    Case("C15", "(a) plan", "eta", (1,), lambda p: stages(sgd_pl.last_iterate_steps, p)[0].eta),
    Case(
        "C15", "(a) plan", "argument > 0", (0,), lambda p: stages(sgd_pl.last_iterate_steps, p)[0].steps,
        lambda argument, p: whole_steps(np.log(argument) / (stages(sgd_pl.last_iterate_steps, p)[0].eta * p.mu)),
    ),
    Case("C15", "(b) phase 1", "argument > 0", (0,), lambda p: stages(sgd_pl.three_phase_steps, p)[0].steps, burn_in),
    Case("C15", "(b) phase 2, step size", "conclusion", (0, 0), falling_step_size),
    Case("C15", "(b) phase 3", "T", (1,), lambda p: stages(sgd_pl.three_phase_steps, p)[1].steps, rounded_up),
    Case("C15", "(b) phase 3", "T", (1,), lambda p: stages(sgd_pl.three_phase_steps, p)[2].steps, rounded_up),
    Case("C15", "(b) phase 3", "eta", (1,), lambda p: stages(sgd_pl.three_phase_steps, p)[2].eta),
    Case("C15", "(c) stage 1", "argument > 0", (0,), lambda p: stages(sgd_pl.two_step_size_steps, p)[0].steps, burn_in),
    Case("C15", "(c) stage 2", "eta", (1,), lambda p: stages(sgd_pl.two_step_size_steps, p)[1].eta),
    Case("C15", "(c) stage 2", "T", (1,), lambda p: stages(sgd_pl.two_step_size_steps, p)[1].steps, rounded_up, plain_step_size),
    Case("C15", "(c) gain", "conclusion", (1,), lambda p: sgd_pl.smoothing_gain(p.delta)),
    Case("C15", "LSR alone, burn-in", "argument > 0", (0,), lambda p: stages(lsr_pl.steps, p)[0].steps, burn_in),
    Case("C15", "LSR alone", "T", (1,), lambda p: stages(lsr_pl.steps, p)[1].steps, rounded_up, reachable),
    Case("C15", "verdict, large δ", "conclusion", (0, 1), lambda p: stages(two_stage.steps, p)[1].steps, rounded_up, small_target),
    Case("C16", "bound", "conclusion", (1,), total(worst_case.sgd_bound)),
    Case("C16", "plan", "eta", (1,), lambda p: stages(worst_case.sgd_steps, p)[0].eta),
    Case("C16", "plan", "T", (1,), lambda p: stages(worst_case.sgd_steps, p)[0].steps, rounded_up),
    Case("C16", "C5 without the last noise", "conclusion", (1,), lambda p: worst_case.lsr_value(constants(p), T=p.T, theta=p.theta)),
    Case("C19", "bound, C7", "conclusion", (1,), total(last_iterate.bound, "theta")),
    Case("C19", "bound, C12", "conclusion", (1,), total(last_iterate.split_bound, "theta", of=oracle)),
    Case("C19", "bound, C18", "conclusion", (1,), total(last_iterate.sharp_bound, "theta"), given=sharp_shares),
    Case("C20", "bound", "conclusion", (1,), total(growing_noise.sgd_bound, of=growth), given=growing),
    Case(
        "C20", "bound, label smoothing", "conclusion", (1,), total(growing_noise.lsr_bound, "theta", of=growth), given=growing_smoothed,
    ),
    Case(
        "C20", "lemma", "conclusion", (1,),
        lambda p: smoothing.lemma(1, p.delta, p.theta) * (2 * p.A * p.gap + p.B * p.grad2 + p.C), given=growing_smoothed,
    ),
    Case(
        "C21", "bound", "conclusion", (1,),
        lambda p: momentum.bound(constants(p), eta=p.eta, T=p.T, momentum=p.m).total, given=with_momentum,
    ),
    Case(
        "C22", "bound", "conclusion", (1,),
        lambda p: clipping.bound(constants(p), eta=p.eta, T=p.T, clip=p.tau, steepest=p.steepest).total,
    ),
    Case("C22", "standstill", "conclusion", (5, 1), lambda p: clipping.standstill(p.sigma2, p.tau), given=quiet),
    Case("C19", "plan", "argument > 0", (0,), lambda p: stages(last_iterate.steps, p)[0].steps, burn_in, target_above_kappa),
    Case("C17", "shrunk moment", "conclusion", (1,), lambda p: unsplit(p).shrunk.second_moment(p.theta)),
    Case("C17", "beyond shrinking", "conclusion", (1,), lambda p: unsplit(p).beyond(p.theta)),
    Case("C17", "zero vector, A3", "conclusion", (1, 1), lambda p: unsplit(p).shrunk.delta),
    Case("C18", "sharp lemma", "conclusion", (1,), lambda p: smoothing.sharp(p.sigma2, p.delta, p.theta), given=sharp_shares),
    Case("C18", "beside C5", "conclusion", (0, 1), lambda p: sharp_floor(p, p.theta), given=sharp_shares),
    Case("C18", "bound", "conclusion", (1,), total(sharp.bound, "theta"), given=sharp_shares),
    Case("C18", "gain", "conclusion", (0, 0), lambda p: sharp_floor(p, None), given=sharp_plan),
    Case("C18", "plan", "T", (1,), lambda p: stages(sharp.steps, p)[0].steps, rounded_up, sharp_plan),
    Case("C18", "plan", "eta", (1,), lambda p: stages(sharp.steps, p)[0].eta, given=sharp_plan),
    Case("C18", "plan, step size", "conclusion", (4, 0), lambda p: stages(sharp.steps, p)[0].theta, given=sharp_plan),
    Case("C18", "exact, bound", "conclusion", (1,), total(sharp_exact.bound, "theta"), given=sharp_shares),
    Case("C18", "exact, plan along ĝ", "T", (1,), lambda p: stages(sharp_exact.steps, p)[0].steps, rounded_up, along_smoothing_label),
    Case(
        "C18", "A4, contraction, next step", "conclusion", (1,),
        lambda p: sharp_pl.gap_bound(constants(p), eta=p.eta, T=p.T + 1, theta=p.theta).total, given=sharp_shares,
    ),
    Case("C18", "A4, TSLA's second stage", "T", (1,), lambda p: stages(sharp_pl.tsla_steps, p)[1].steps, rounded_up, sharp_plan),
    Case("C18", "A4, burn-in", "argument > 0", (0,), lambda p: stages(sharp_pl.tsla_steps, p)[0].steps, burn_in, sharp_plan),
    Case(
        "C18", "A4, never dropped", "conclusion", (0, 1), lambda p: stages(sharp_pl.never_dropped_steps, p)[2].steps,
        lambda noise, p: whole_steps(np.asarray(4 * p.L * noise / (p.mu * p.eps2))), sharp_plan,
    ),
    Case("C18", "verdict, units", "conclusion", (0, 1), lambda p: stages(sharp_pl.tsla_steps, p)[1].steps, rounded_up, sharp_units),
    Case(
        "C18", "verdict, units", "conclusion", (1, 1), lambda p: stages(sharp_pl.never_dropped_steps, p)[2].steps, rounded_up, sharp_units,
    ),
]  # fmt: skip


def is_what_the_code_computes(case: Case) -> None:
    for seed in range(20):
        at = point(seed)
        at |= case.given(at)
        p = floats(at)
        assert case.seen(value(case, at), p) == pytest.approx(float(case.expected(p)), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.claim}-{i}") for i, case in enumerate(CASES)])
def test_terms(case: Case) -> None:
    is_what_the_code_computes(case)


def test_every_claim_has_a_term() -> None:
    assert {case.claim for case in CASES} == {step.claim for step in STEPS}


@pytest.mark.parametrize(
    "wrong",
    [
        Case("C4", "bound", "conclusion", (1,), total(lsr.bound, "theta")),
        Case("C4", "bound", "conclusion", (1,), lambda p: sgd.bound(constants(p), eta=p.eta, T=p.T + 1).total),
        Case("C8", "samples", "conclusion", (1,), lambda p: 2 * stages(two_stage.steps, p)[1].steps, rounded_up, small_target),
        Case("C15", "(b) phase 1", "argument > 0", (0,), lambda p: stages(two_stage.steps, p)[0].steps, burn_in),
        Case("C14", "B_c(1)", "conclusion", (1,), lambda p: split(p).critical_batch_size(p.theta)),
        Case("C18", "beside C5", "conclusion", (0, 1), lambda p: sharp_floor(p, None), given=sharp_shares),
    ],
)
def test_other_terms_are_rejected(wrong: Case) -> None:
    assert_rejects(is_what_the_code_computes, wrong)


def test_the_sign_beyond_shrinking() -> None:
    for seed in range(20):
        at = point(seed)
        helps = OBLIGATIONS["C17", "sign"].conclusion.arg(1)
        p = floats(at)
        assert z3.is_true(put(helps, at)) == (unsplit(p).beyond(p.theta) < 0)
