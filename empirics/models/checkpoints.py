"""Checkpoints: weights with the network that they belong to, written by ``tsla train``; and weights of others, with a network of theirs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.models import networks
from tsla.empirics.runs import tensors
from tsla.empirics.runs.files import must_be_there, replacing
from tsla.theory.constants import is_whole

NETWORKS = [{"name", "shape", "classes", *own} for own in (("norm",), ("pretrained", "trained", "hidden"))]
"""What the arguments of a network are called, of most networks and of the one that may be pretrained."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: weights, the arguments of :func:`tsla.empirics.models.networks.build` and the run's configuration, if known."""

    path: Path
    state: Mapping[str, Tensor]
    network: Mapping[str, Any] | None
    training: Mapping[str, Any] | None


def write(path: Path, model: nn.Module, *, network: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Write a checkpoint."""
    with replacing(path) as temporary:
        tensors.save(temporary, {"state_dict": model.state_dict(), "network": dict(network), "training": dict(training)})


def read(path: Path, *, name: str = "checkpoint") -> Checkpoint:
    """The checkpoint at ``path``, loaded with ``weights_only=True``: no code in it is run.

    Raises ValueError, calling the file by ``name``, where it is not there, is no checkpoint, or holds weights that are not finite.
    """
    where = f"{name} = {path}"
    must_be_there(name, path, "what `tsla train --checkpoint` wrote, or a state_dict")
    try:
        found = tensors.load(path)
    except ValueError as error:
        raise ValueError(f"{where} is {error}") from error
    state = found.get("state_dict", found) if isinstance(found, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        holds = f"the keys {', '.join(map(str, found)) or 'none'}" if isinstance(found, dict) else f"a {type(found).__name__}"
        raise ValueError(f"{where} holds {holds[:200]}; must be a dict with 'state_dict' and 'network', or a state_dict")
    for key, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"{where}: {key} has values that are not finite; must be the weights of a run that did not diverge")
    wrapped = found is not state
    network = _network(found["network"], where) if wrapped and "network" in found else None
    training = found.get("training") if wrapped else None
    return Checkpoint(path, state, network, training if isinstance(training, dict) else None)


def _network(found: Any, where: str) -> Mapping[str, Any]:
    """The arguments of the network, checked."""
    if isinstance(found, dict) and set(found) in NETWORKS:
        shape = found["shape"]
        if _whole(found["classes"], *(shape if isinstance(shape, list | tuple) else [0])):
            return {**found, "shape": tuple(shape)}
    raise ValueError(f"{where}: network = {found!r} must give name, shape, classes and norm, or pretrained, trained and hidden")


def _whole(*sizes: object) -> bool:
    return all(is_whole(size, at_least=1) for size in sizes)


def build(checkpoint: Checkpoint, factory: str | None = None, *, name: str = "checkpoint") -> nn.Module:
    """The network with its weights: that of the file, or else what ``factory``, "module:function", returns, in the mode that it returns.

    Raises ValueError where there is neither, and where the weights do not fit.
    """
    where = f"{name} = {checkpoint.path}"
    if checkpoint.network is not None:
        model = _described(checkpoint.network, where)
    elif factory is not None:
        model = made_by(factory)
    else:
        raise ValueError(f"{where} has no 'network'; --model module:function must name what builds it")
    wanted = model.state_dict()
    for key in [*wanted, *checkpoint.state]:
        if key not in checkpoint.state or key not in wanted:
            lacks, has = ("the file", "the network") if key not in checkpoint.state else ("the network", "the file")
            raise ValueError(f"{where}: {lacks} lacks {key}, which {has} has; must be the weights of this network")
        shapes = [tuple(weights[key].shape) for weights in (checkpoint.state, wanted)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{where}: {key} has shape {shapes[0]}; must be {shapes[1]}, as in the network")
    model.load_state_dict(dict(checkpoint.state))
    return model


def _described(network: Mapping[str, Any], where: str) -> nn.Module:
    """The network that a file describes."""
    with torch.random.fork_rng(devices=[]):
        try:
            return networks.build(**network)
        except ValueError as error:
            raise ValueError(f"{where}: network: {error}") from error


def made_by(factory: str) -> nn.Module:
    """What the function "module:function" returns; modules of the current directory come first.

    Raises ValueError where there is no such function, where it fails, and where it returns no module.
    """
    module, _, function = factory.partition(":")
    if not module or not function:
        raise ValueError(f"model = {factory!r} must be module:function, such as models:resnet18")
    with _importing_from_here(), torch.random.fork_rng():
        try:
            found = getattr(import_module(module), function)()
        except Exception as error:  # whatever a user's code raises
            raise ValueError(f"model = {factory!r} must name a function that returns a network; {first_line(error)}") from error
    if not isinstance(found, nn.Module):
        raise ValueError(f"model = {factory!r} returned a {type(found).__name__}; must return an nn.Module")  # noqa: TRY004 - as all refusals
    return found


def first_line(error: BaseException) -> str:
    """What went wrong, in one line."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


@contextmanager
def _importing_from_here() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
