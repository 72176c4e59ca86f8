"""Every contestant finds the loop's moments, on networks small enough for a second, or says why it can't."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.benchmarks.harness import networks, peers
from tests.benchmarks.moments import agreement
from tsla.empirics.moments.one_by_one import moments_by_loop

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' remarks on their own insides


def _residual() -> nn.Module:
    layers = [*networks._conv(3, 32, 3), nn.ReLU(), networks._basic(32, 64, 2), networks._bottleneck(64, 32, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, networks.CLASSES))


NETWORKS = {"cnn": networks._small_cnn, "residual": _residual, "transformer": lambda: networks._VisionTransformer(12, 2, 3)}


WAYS = {f"{name}-{way.label}": (name, way) for name, ways in peers.CONTESTANTS.items() for way in ways if "compiled" not in name}


def _problem(name: str) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return NETWORKS[name](), torch.randn(5, 3, 32, 32), torch.randint(networks.CLASSES, (5,))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("name", "way"), WAYS.values(), ids=WAYS)
def test_every_way_finds_the_moments_of_the_loop(name: str, way: peers.Way, network: str) -> None:
    if name in ("opacus", "backpack", "torchjd"):
        pytest.importorskip(name)
    if (name, network) == ("backpack", "transformer"):
        pytest.skip("see the test of its refusal")
    model, inputs, labels = _problem(network)
    measure = way.prepare(copy.deepcopy(model))
    found = [measure(inputs, labels) for _ in range(2)]  # the second time, nothing of the first is left
    reference = moments_by_loop(model, inputs, labels)
    assert all(moments is None or agreement(moments, reference, 1e-4) is not None for moments in found)
    assert all((moments is None) == (name == "floor") for moments in found)


def test_backpack_says_that_it_has_no_rule_for_a_transformer() -> None:
    pytest.importorskip("backpack")
    model, inputs, labels = _problem("transformer")
    with pytest.raises(peers.UnsupportedError, match="no rule gives per-example gradients of"):
        peers.CONTESTANTS["backpack"][0].prepare(model)(inputs, labels)


def test_moments_that_are_not_the_loop_s_are_refused() -> None:
    reference = moments_by_loop(*_problem("cnn"))
    with pytest.raises(peers.UnsupportedError, match="not the loop's"):
        agreement(replace(reference, s2=1.01 * reference.s2, nu2=1.01 * reference.nu2, grad2=1.01 * reference.grad2), reference, 1e-3)
    with pytest.raises(peers.UnsupportedError, match="nan"):
        agreement(replace(reference, c=float("nan")), reference, 1e-3)


def test_the_networks_have_the_published_sizes() -> None:
    sizes = {name: sum(p.numel() for p in build().parameters()) for name, build in networks.BUILDERS.items()}
    assert sizes == {"small-cnn": 97290, "resnet18": 11173962, "resnet50": 23520842, "vit-tiny": 5362762, "distilbert": 66961162}


def test_a_network_and_its_data_are_those_of_the_seed() -> None:
    first, again = (networks.build("small-cnn", 3, seed=5) for _ in range(2))
    assert torch.equal(first[1], again[1])
    assert torch.equal(first[2], again[2])
    assert all(torch.equal(a, b) for a, b in zip(first[0].parameters(), again[0].parameters(), strict=True))
