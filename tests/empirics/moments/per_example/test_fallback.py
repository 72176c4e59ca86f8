"""What has no rule: under vmap, or one backward pass an example; and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.utils.checkpoint import checkpoint

from tests.empirics.moments.per_example.cases import ALL, SHARED
from tests.empirics.moments.per_example.functions import FUNCTIONS
from tests.empirics.moments.per_example.layers import OTHER_LAYERS
from tests.empirics.moments.per_example.oracle import CLASSES, Gradients, agrees, is_right, labels_for
from tests.empirics.moments.per_example.parts import TOKENS, WIDTH, Written, head, headed, layer
from tests.refusals import refusals
from tsla.empirics.moments.per_example import fallback, gradient_products
from tsla.empirics.moments.per_example.fallback import FallbackCall
from tsla.empirics.moments.per_example.tape import Tape
from tsla.theory.testing.planted import assert_rejects

N = 5
WITHOUT_RULES = [
    *OTHER_LAYERS,
    *(name for name in (*FUNCTIONS, *SHARED) if name.startswith(("@", "einsum", "scale", "folded", "rule and", "fallback"))),
]


@pytest.mark.parametrize("name", WITHOUT_RULES)
def test_one_backward_pass_an_example(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FallbackCall, "_vectorised", lambda *_: None)
    is_right(ALL[name].network(), ALL[name].inputs(N))


UNDER_VMAP = ["transposed convolution", "prelu", "bilinear", "lstm cell in a loop", "@", "einsum", "scale, power, division"]


@pytest.mark.parametrize("name", [*UNDER_VMAP, "folded in a window", "fallback twice"])
def test_under_vmap(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(FallbackCall, "_one_by_one")
    is_right(ALL[name].network(), ALL[name].inputs(N))


def checked(s: Any, x: Tensor) -> Tensor:
    """Checks something that does not hold under vmap."""
    assert not torch._C._functorch.is_functorch_wrapped_tensor(x)
    return s.layer(x.reshape(-1, 3)).view(x.shape)


def test_a_module_that_can_not_be_repeated_under_vmap() -> None:
    torch.manual_seed(0)
    is_right(nn.Sequential(Written(checked, layer=nn.Linear(3, 3)), nn.Tanh(), head()).double(), torch.randn(N, WIDTH).double())


@pytest.mark.parametrize(("repeats", "expected"), [(2, "Call"), (torch.tensor(2), "FallbackCall")])
def test_sizes_that_depend_on_values(repeats: int | Tensor, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After them rows are not taken for examples, though they may be as many: the network is taken as a whole."""
    settled: list[str] = []
    original = Tape._settle

    def settle(self: Tape, *given: Any) -> None:
        original(self, *given)
        settled.extend(type(call).__name__ for call in self.calls if call.terms[0].parameter is model.a.weight)

    def forward(s: Any, x: Tensor) -> Tensor:
        times = repeats if isinstance(repeats, int) else (x[0, 0] * 0 + repeats).long()
        return s.head(s.a(x.repeat_interleave(times, dim=1)))

    torch.manual_seed(0)
    model = Written(forward, a=nn.Linear(2 * WIDTH, WIDTH), head=head()).double()
    monkeypatch.setattr(Tape, "_settle", settle)
    is_right(model, torch.randn(N, WIDTH).double())
    assert set(settled) == {expected}


# --- with randomness: the masks of the pass that was recorded, no others


def dropping(part: nn.Module, *, folded: bool = False) -> nn.Module:
    """Something with dropout and a fallback, which keeps the graph, in front of a head."""
    part = Written(lambda s, x: s.part(x.reshape(-1, 2, WIDTH)).reshape(x.shape), part=part) if folded else part
    return Written(lambda s, x: s.head(s.part(s.slope(x)).mean(1)), slope=nn.PReLU(), part=part, head=head())


def transformer() -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, 2, 8, dropout=0.5, batch_first=True)


DROPPED: dict[str, Callable[[], nn.Module]] = {
    "in a module that is folded": lambda: dropping(nn.Sequential(layer(), nn.Dropout(0.5), layer()), folded=True),
    "in a transformer": lambda: dropping(transformer()),
    "in a transformer that is folded": lambda: dropping(transformer(), folded=True),
    # within one call of a function
    "in a recurrent network": lambda: dropping(
        Written(lambda s, x: s.layer(x)[0], layer=nn.LSTM(WIDTH, WIDTH, num_layers=2, dropout=0.5, batch_first=True))
    ),
    "in a checkpoint": lambda: dropping(
        Written(
            lambda s, x: checkpoint(s.inner, x, use_reentrant=False), inner=nn.Sequential(layer(), nn.Dropout(0.5), nn.PReLU(), layer())
        )
    ),
}


def of_the_recorded_pass(make: Callable[[], nn.Module], plant: Callable[[pytest.MonkeyPatch], None] = lambda patch: None) -> None:
    """Gradients of each example through the very graph that was measured."""
    torch.manual_seed(0)
    model, inputs = make().double().train(), torch.randn(N, TOKENS, WIDTH).double()
    named = dict(model.named_parameters())
    logits: list[Tensor] = []
    model.register_forward_hook(lambda module, args, out: logits.append(out))
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        found = gradient_products(model, inputs, labels_for(N))
    out = logits[-1]
    one_hot = F.one_hot(labels_for(N), CLASSES).double()
    rows = []
    for i in range(N):
        alone = torch.arange(N)[:, None] == i
        cotangents = (alone * (out.detach().softmax(1) - y) for y in (one_hot, torch.full_like(one_hot, 1 / CLASSES)))
        rows.append([torch.autograd.grad(out, list(named.values()), c, retain_graph=True, materialize_grads=True) for c in cotangents])
    g, h = ([torch.stack(column) for column in zip(*label, strict=True)] for label in zip(*rows, strict=True))
    agrees(found, Gradients(list(named), g, h))


@pytest.mark.parametrize("name", DROPPED)
def test_masks_are_those_of_the_recorded_pass(name: str) -> None:
    of_the_recorded_pass(DROPPED[name])


def with_other_masks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fallback, "vmap", partial(torch.func.vmap, randomness="different"))


def with_other_masks_and_no_check(patch: pytest.MonkeyPatch) -> None:
    with_other_masks(patch)
    patch.setattr(FallbackCall, "_adds_up", lambda *_: True)


def test_other_masks_are_noticed() -> None:
    """A repeated call that came out otherwise does not add up, and is not used."""
    make = DROPPED["in a module that is folded"]
    of_the_recorded_pass(make, with_other_masks)
    assert_rejects(partial(of_the_recorded_pass, make), with_other_masks_and_no_check)


# --- what layers keep in themselves


def keeping(s: Any, x: Tensor) -> Tensor:
    s.kept = s.layer(x.reshape(-1, 3).repeat(1, 2))
    return s.kept.reshape(len(x), -1)


def keeps_no_wrapper(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(Written(keeping, layer=layer()), nn.Linear(12, CLASSES)).double()
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        gradient_products(model, torch.randn(N, WIDTH).double(), labels_for(N))
    assert not torch._C._functorch.is_functorch_wrapped_tensor(model[0].kept)


def test_attributes_are_not_left_from_under_vmap() -> None:
    @contextmanager
    def nothing(module: nn.Module) -> Iterator[None]:
        yield

    keeps_no_wrapper(lambda patch: None)
    assert_rejects(keeps_no_wrapper, lambda patch: patch.setattr(fallback, "_attributes_kept", nothing))


# --- compiled


def test_compiled_parts_run_as_they_were_written() -> None:
    torch.manual_seed(0)
    inner = torch.compile(nn.Sequential(layer(), nn.Tanh()), backend="eager")
    is_right(nn.Sequential(inner, layer(), head()).double(), torch.randn(N, WIDTH).double())
    whole = torch.compile(nn.Sequential(layer(), nn.Tanh(), head()).double(), backend="eager", fullgraph=True)
    is_right(whole, torch.randn(N, WIDTH).double())


# --- what is refused, with one line


def force(energy: nn.Module, x: Tensor, derivative: Callable[..., Any]) -> Tensor:
    """The derivative of an energy, through which gradients go."""
    x = x.clone().requires_grad_()
    return derivative(energy(x).tanh().sum(), x, create_graph=True)[0]


def pulled(energy: Tensor, x: Tensor, *, create_graph: bool) -> tuple[Tensor | None]:
    energy.backward(inputs=[x], create_graph=create_graph)
    return (x.grad,)


def tangent(part: nn.Module, x: Tensor) -> Tensor:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(part(forward_ad.make_dual(x, x)).tanh()).tangent


BY_FREQUENCY = {"num_embeddings": WIDTH, "embedding_dim": WIDTH, "scale_grad_by_freq": True}
OF_FREQUENCY = "an embedding scales its gradient by frequencies in the batch"
test_refusals = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")(  # of torch's own, at the first use of forward_ad
    refusals(
        lambda case: gradient_products(case.make().double(), torch.randn(N, WIDTH).double(), labels_for(N)),
        (
            headed(lambda s, x: s.w.register_hook(lambda D: D / len(x)) and s.a(x) @ s.w, "a w"),
            "model puts a hook on the gradient of a parameter when it is called, .*: remove it$",
        ),
        (
            headed(lambda s, x: torch.vmap(lambda t: F.linear(t, s.w))(F.linear(x, s.w).tanh()), "w"),
            "a parameter is used both inside and outside of torch.vmap",
        ),
        (
            headed(lambda s, x: checkpoint(s.a, x.clone().requires_grad_(), use_reentrant=True), "a"),
            "uses parameters that it was not given, .* choose use_reentrant=False$",
        ),
        (headed(lambda s, x: s.e(x.argmax(1)), "", e=partial(nn.Embedding, **BY_FREQUENCY)), OF_FREQUENCY),
        (headed(lambda s, x: s.e(x.argsort(1)), "", e=partial(nn.EmbeddingBag, **BY_FREQUENCY)), OF_FREQUENCY),
        (headed(lambda s, x: force(s.a, x, torch.autograd.grad), "a"), "a derivative with create_graph=True .* choose"),
        (headed(lambda s, x: force(s.a, x, pulled), "a"), "a derivative with create_graph=True .* choose"),
        (headed(lambda s, x: tangent(s.a, x), "a"), "or torch.autograd.forward_ad, in which .* choose"),
        (
            headed(lambda s, x: s.e(x.argmax(1)), "", e=lambda: nn.Embedding(WIDTH, WIDTH, max_norm=0.1).requires_grad_(False)),
            "model writes into a parameter when it is called, as an embedding with max_norm does",
        ),
        (
            headed(lambda s, x: torch.nested.nested_tensor(list(s.a(x)[:, None]), layout=torch.jagged), "a"),
            "model makes a nested tensor, in which examples can't be told apart; must pad",
        ),
        (headed(lambda s, x: x, "", c=lambda: nn.Parameter(torch.zeros(2, dtype=torch.complex128))), "parameter c is complex"),
    )
)
