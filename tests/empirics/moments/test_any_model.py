"""Whatever a model is called with and returns, and whatever was done to it: its moments are those of a loop, or it is refused by name."""

from __future__ import annotations

import itertools
import warnings
from collections import UserDict, namedtuple
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tests.empirics.moments.per_example.parts import Written
from tests.empirics.moments.text import LABELS, LENGTHS, Output, Text, as_one_tensor, one_tensor, text, tokens, unrolled, with_checkpoint
from tests.refusals import refusals
from tsla.empirics.models.inputs import logits_in
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import measure
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects, assert_rejects

PADDED = tokens(LENGTHS["the first unpadded"])


def expected(given: dict[str, Tensor] = PADDED, make: Callable[[], Text] = Text, **options: Any) -> Moments:
    return moments_by_loop(as_one_tensor(text(make)), one_tensor(given), LABELS, **options)


def agree(found: Moments, wanted: Moments, tolerance: float = 1e-9) -> None:
    assert asdict(found) == pytest.approx(asdict(wanted), rel=tolerance, abs=tolerance * wanted.s2)


# --- inputs and outputs


FORMS: dict[str, Any] = {
    "a tuple": tuple(PADDED.values()),
    "a list": list(PADDED.values()),
    "a dict": PADDED,
    "a mapping with a constant": UserDict({**PADDED, "scale": 1.0}),
}


Call = Callable[..., Moments]


def takes_every_form(call: Call) -> None:
    for form in FORMS.values():
        agree(call(text(), form, LABELS), expected())
    agree(call(text(), PADDED, LABELS, text()), expected(smoothing=as_one_tensor(text())))  # the teacher is called with the same


@pytest.mark.parametrize("right", [gradient_moments, moments_by_loop])
def test_inputs(right: Call, rejects: Rejects) -> None:
    rejects(takes_every_form, right=right, wrong=lambda model, form, *given: right(model, PADDED["ids"], *given))  # without the mask


Named = namedtuple("Named", "logits hidden")
OUTPUTS: dict[str, tuple[Callable[[Output], Any], Callable[[Any], Tensor] | None]] = {
    "a tensor": (lambda o: o.logits, None),
    "a tuple": (lambda o: (o.logits, o.hidden), None),
    "a named tuple": (lambda o: Named(o.logits, o.hidden), None),
    "a dict": (lambda o: {"hidden": o.hidden, "logits": o.logits}, None),
    "an object": (lambda o: o, None),
    "another object": (lambda o: Named({"scores": o.logits}, o.hidden), lambda found: found.logits["scores"]),
}


def takes_every_output(call: Call) -> None:
    for returned, logits in OUTPUTS.values():
        model = Written(lambda s, *given, returned=returned: returned(s.text(*given)), text=text())
        agree(call(model, FORMS["a tuple"], LABELS, logits=logits, microbatch=3), expected())


def of_twice_the_logits(model: nn.Module, *given: Any, logits: Callable[[Any], Tensor] | None, **options: Any) -> Moments:
    return gradient_moments(model, *given, logits=lambda found: 2 * (logits or logits_in)(found), **options)


def test_outputs(rejects: Rejects) -> None:
    rejects(takes_every_output, right=gradient_moments, wrong=of_twice_the_logits)


test_refused_inputs = refusals(
    lambda inputs, logits=None: gradient_moments(text(), inputs, LABELS, logits=logits),
    (np.zeros((8, 6)), r"inputs are a ndarray; must be a tensor \(n, \.\.\.\), a tuple of tensors for model\(\*inputs\), or"),
    (
        nn.utils.rnn.pack_sequence([torch.arange(3), torch.arange(2)]),
        "inputs are a PackedSequence, where words stand before examples; must be padded: pack them within the model",
    ),
    ({"ids": ["a"] * 8}, r"inputs\['ids'\] is a list; must be a tensor \(n, \.\.\.\), or a number, .* or None; give unpack="),
    (
        (PADDED["ids"], PADDED["mask"][:5]),
        r"inputs hold inputs\[0\] of shape \(8, 6\), inputs\[1\] of shape \(5, 6\); must be tensors \(n, \.\.\.\) of the same n examples",
    ),
    ({"scale": 1.0}, "inputs hold no tensor"),
    (torch.tensor(1.0), r"inputs hold inputs of shape \(\); must be"),
    (
        {"words": PADDED["ids"]},
        "inputs have the names words, with which model can't be called: missing .* 'ids'; rename them, .* give unpack=",
    ),
    (PADDED, lambda found: found, "model must map examples"),
)


def test_what_came_back_without_logits_is_named() -> None:
    model = Written(lambda s, *given: Output, text=text())
    with pytest.raises(ValueError, match="model returned a type without logits; give logits=, a function that takes them from it"):
        gradient_moments(model, FORMS["a tuple"], LABELS)


# --- padded examples, each on the path that its mask asks for


def takes_padded_examples(call: Call) -> None:
    for lengths, microbatch in itertools.product(LENGTHS, (2, 3, 8)):
        given = tokens(LENGTHS[lengths])
        agree(call(text(), given, LABELS, microbatch=microbatch), expected(given))


def of_one_mask(model: nn.Module, given: dict[str, Tensor], *more: Any, **options: Any) -> Moments:
    """That of the first example for all."""
    return gradient_moments(model, given | {"mask": given["mask"][:1].expand_as(given["mask"])}, *more, **options)


def test_padded_examples(rejects: Rejects) -> None:
    rejects(takes_padded_examples, right=gradient_moments, wrong=of_one_mask)


def test_more_paths_than_are_kept() -> None:
    model = unrolled()
    given = tuple(tokens([1, 2, 3, 4, 5, 6, 1, 2]).values())
    wanted = moments_by_loop(model, given, LABELS)
    for microbatch in (1, 2, 3):
        agree(gradient_moments(model, given, LABELS, microbatch=microbatch), wanted)


MIXED: dict[str, Callable[[Tensor], Tensor]] = {
    "centred": lambda x: x - x.mean(0),
    "scaled by their number": lambda x: x / len(x),
    "the neighbour before": lambda x: x + x.roll(1, 0),
    "running sum": lambda x: x.cumsum(0),
    "only the last": lambda x: torch.cat([x[:-1], x[-1:] + x[:1]]),
    "value of the mean detached": lambda x: x + x.mean(0) - x.mean(0).detach(),
}


def mixing_is_refused(mix: str, lengths: str) -> None:
    said = ""
    try:
        gradient_moments(text(lambda: Text(MIXED[mix])), tokens(LENGTHS[lengths]), LABELS, microbatch=4)
    except ValueError as error:
        said = str(error)
    assert "does not treat the examples of a batch independently" in said


@pytest.mark.parametrize("lengths", sorted(LENGTHS.keys() - {"none padded"}))
@pytest.mark.parametrize("mix", MIXED)
def test_mixing_where_a_mask_is_present_is_refused(mix: str, lengths: str) -> None:
    mixing_is_refused(mix, lengths)


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ("tape.Tape.seen_calls", property(lambda self: [], lambda self, _: None)),  # so that only the first microbatch is compared
        ("tape.Tape.detours", property(lambda self: False, lambda self, _: None)),
        ("probe.Probe.compare", lambda self, logits, detours: None),
    ],
)
def test_planted_checks_of_mixing_are_rejected(where: str, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mix, lengths = ("value of the mean detached", "the first padded") if "detours" in where else ("centred", "the first unpadded")
    monkeypatch.setattr(f"tsla.empirics.moments.per_example.{where}", wrong, raising=False)
    assert_rejects(lambda mix: mixing_is_refused(mix, lengths), mix)


# --- what was done to a model


def frozen() -> Text:
    model = Text()
    model.words.requires_grad_(False)
    model.fused.bias.requires_grad_(False)
    return model


def adapted() -> Text:
    """Low-rank adapters beside frozen layers."""
    model = Text().requires_grad_(False)
    for name in ("fused", "out"):
        base = getattr(model, name)
        down, up = nn.Linear(base.in_features, 2, bias=False), nn.Linear(2, base.out_features, bias=False)
        setattr(model, name, Written(lambda s, x: s.base(x) + 0.5 * s.up(s.down(x)), base=base, down=down, up=up))
    return model


@dataclass(frozen=True)
class Kind:
    """``make`` gives a model, ``done`` what is done to it then; the moments are the loop's within ``tolerance``, or it is ``refused``."""

    make: Callable[[], Text] = Text
    done: Callable[[nn.Module], nn.Module] = lambda model: model
    within: Callable[[], AbstractContextManager[Any]] = nullcontext
    tolerance: float = 1e-9
    refused: str = ""
    refused_by_monitor: str = ""


KINDS = {
    "tied": Kind(),
    "frozen": Kind(frozen),
    "adapters": Kind(adapted),
    "checkpoint": Kind(lambda: with_checkpoint(use_reentrant=False)),
    "reentrant checkpoint": Kind(lambda: with_checkpoint(use_reentrant=True), refused="use_reentrant=True: .* choose use_reentrant=False"),
    "compiled": Kind(done=lambda model: torch.compile(model, backend="eager")),
    "autocast": Kind(within=lambda: torch.autocast("cpu", torch.bfloat16), tolerance=0.05),
    "distributed": Kind(done=DistributedDataParallel, refused_by_monitor="model is DistributedDataParallel; must be the model inside"),
}


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def by_monitor(model: nn.Module) -> Moments:
    monitor = MomentsMonitor(model, (PADDED, LABELS), every=1, microbatch=4)
    monitor.step()
    row = monitor.rows[0]
    if row["reason"]:
        raise ValueError(row["reason"])
    return Moments(**{name: row[name] for name in MOMENTS})


CALLS: dict[str, Callable[[nn.Module], Moments]] = {
    "gradient_moments": lambda model: gradient_moments(model, PADDED, LABELS, microbatch=4),
    "measure": lambda model: measure(model, halves(), population=8).estimates.moments,
    "monitor": by_monitor,
}


def halves() -> list[tuple[dict[str, Tensor], Tensor]]:
    return [({name: part[rows] for name, part in PADDED.items()}, LABELS[rows]) for rows in (slice(4), slice(4, 8))]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("process_group")
def test_kinds(kind: str, call: str) -> None:
    of = KINDS[kind]
    refused = (of.refused_by_monitor if call == "monitor" else "") or of.refused
    with of.within(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "MomentsMonitor measured nothing|None of the inputs have requires_grad")
        model = of.done(text(of.make))
        if refused:
            with pytest.raises(ValueError, match=refused):
                CALLS[call](model)
        else:
            agree(CALLS[call](model), expected(make=of.make), of.tolerance)


@pytest.mark.parametrize("kind", ["frozen", "adapters"])
def test_gradients_of_what_is_frozen_are_rejected(kind: str) -> None:
    thawed = text(KINDS[kind].make).requires_grad_(True)
    assert_rejects(lambda model: agree(gradient_moments(model, PADDED, LABELS), expected(make=KINDS[kind].make)), thawed)
