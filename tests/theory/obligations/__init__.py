"""What every bound and every plan owes, whatever its formula. Each check takes a :class:`Method`, and fails by an assertion."""

from __future__ import annotations

from collections.abc import Callable

from tests.theory.obligations import bounds, plans
from tsla.theory.method import Method

Check = Callable[[Method], None]
OF_BOUNDS: tuple[Check, ...] = (
    bounds.says_what_it_is,
    bounds.is_lowered_by_what_it_says,
    bounds.is_a_sum_of_terms_that_are_not_negative,
    bounds.scales_with_the_objective,
    bounds.is_monotone,
    bounds.is_above_a_quadratic,
    bounds.refuses_what_is_outside_its_premises,
    bounds.needs_what_it_assumes,
    bounds.is_finite_or_refused,
    bounds.gives_for_arrays_what_it_gives_for_their_elements,
    bounds.is_what_its_derivation_arrives_at,
    bounds.answers_on_the_command_line,
)
OF_PLANS: tuple[Check, ...] = (
    plans.plans_what_it_says,
    plans.plans_with_what_it_assumes,
    plans.reaches_its_target_and_no_sooner,
    plans.has_whole_stages_within_the_premises,
    plans.asks_for_more_the_finer_and_the_farther,
    plans.plans_scale_with_the_objective,
    plans.refuses_targets_outside_their_range,
    plans.is_a_number_of_samples_or_refused,
    plans.plans_for_arrays_what_it_plans_for_their_elements,
    plans.plans_on_the_command_line,
)


def obligations(method: Method) -> tuple[Check, ...]:
    """Those that a method has, by whether it has a bound and a plan."""
    return (OF_BOUNDS if method.bounds else ()) + (OF_PLANS if method.plans else ())
