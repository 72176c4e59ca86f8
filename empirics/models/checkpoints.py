"""Checkpoints: weights with the network that they belong to, written by ``tsla train``; and weights of others, with a network of theirs."""

from __future__ import annotations

import logging
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
from tsla.empirics.runs.errors import class_and_line
from tsla.empirics.runs.files import must_be_there, replacing
from tsla.theory.constants import is_whole

LOG = logging.getLogger(__name__)
ARGUMENTS = [{"name", "shape", "classes", *own} for own in (("norm",), ("pretrained", "trained", "hidden"))]
"""What the arguments of a network are called, of most networks and of the one that may be pretrained."""
HELD_AS = ("state_dict", "model_state_dict", "model")
"""What weights are called in a file that holds more than them."""
WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What stands before a weight's name where the network was saved inside another module: of DataParallel, torch.compile, Lightning."""


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

    Its weights are all that it holds, or what it holds under a name of HELD_AS. Raises ValueError, calling the file by ``name``, where it
    is not there or is no checkpoint.
    """
    where = f"{name} = {path}"
    must_be_there(name, path, "what `tsla train --checkpoint` wrote, or a state_dict")
    try:
        found = tensors.load(path)
    except ValueError as error:
        raise ValueError(f"{where} is {error}") from error
    state, beside = _weights(found, where)
    network = _network(beside["network"], where) if "network" in beside else None
    training = beside.get("training")
    return Checkpoint(path, state, network, training if isinstance(training, dict) else None)


def _weights(found: Any, where: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights in what a file holds, and what it holds beside them."""
    held = [name for name in HELD_AS if isinstance(found, dict) and _is_state(found.get(name))]
    if len(held) > 1:
        raise ValueError(f"{where} holds weights as {' and '.join(held)}; must hold those of one network")
    state = found[held[0]] if held else found
    if not _is_state(state):
        holds = f"the keys {', '.join(map(str, found)) or 'none'}" if isinstance(found, dict) else f"a {type(found).__name__}"
        raise ValueError(f"{where} holds {holds[:200]}; must be a state_dict, or a dict with one as {' or '.join(HELD_AS)}")
    beside = {key: value for key, value in found.items() if key not in held} if held else {}
    return {key: value for key, value in state.items() if isinstance(value, Tensor)}, beside


def _is_state(found: Any) -> bool:
    """Whether it is a state_dict: tensors by name, and what modules keep as their extra state."""
    return (
        isinstance(found, dict)
        and any(isinstance(value, Tensor) for value in found.values())
        and all(isinstance(key, str) and (isinstance(value, Tensor) or key.endswith("_extra_state")) for key, value in found.items())
    )


def _network(found: Any, where: str) -> Mapping[str, Any]:
    """The arguments of the network, checked."""
    if isinstance(found, dict) and set(found) in ARGUMENTS:
        shape = found["shape"]
        if all(is_whole(size, at_least=1) for size in (found["classes"], *(shape if isinstance(shape, list | tuple) else [0]))):
            return {**found, "shape": tuple(shape)}
    raise ValueError(f"{where}: network = {found!r} must give name, shape, classes and norm, or pretrained, trained and hidden")


def build(checkpoint: Checkpoint, factory: str | None = None, *, name: str = "checkpoint") -> nn.Module:
    """The network with its weights: that of the file, or else what ``factory``, "module:function", returns, in the mode that it returns.

    Weights that were saved inside another module, as WRAPPERS say, lose the prefix. What stands beside them then, such as the state of a
    loss, is left out. A line on standard error says both. Raises ValueError where there is no network, where the weights do not fit, where
    a prefix would make two of them one, and where they are not finite.
    """
    where = f"{name} = {checkpoint.path}"
    if checkpoint.network is not None:
        model = _described(checkpoint.network, where)
    elif factory is not None:
        model = made_by(factory)
    else:
        raise ValueError(f"{where} does not say of which network its weights are; --model module:function must name what builds it")
    wanted = model.state_dict()
    state = _unwrapped(checkpoint.state, wanted, where)
    for key in [*wanted, *state]:
        if key not in state or key not in wanted:
            lacks, has = ("the file", "the network") if key not in state else ("the network", "the file")
            inside = next((name for name in state if name.endswith(f".{key}")), "")
            but = f" ({inside} has a prefix that is none of {' '.join(WRAPPERS)})" if inside and key not in state else ""
            raise ValueError(f"{where}: {lacks} lacks {key}, which {has} has{but}; must be the weights of this network")
        if misfit := _misfit(state[key], wanted[key]):
            raise ValueError(f"{where}: {key} {misfit}")
    model.load_state_dict(state)
    return model


def _misfit(found: Tensor, wanted: Tensor) -> str:
    """Why a weight can't be the one of the network, and what it must be; empty where it can."""
    kind = f"is {found.layout} of {found.dtype} on {found.device}; must be a dense tensor with values, of {wanted.dtype}"
    if found.is_meta or found.is_nested or found.layout != torch.strided or found.is_complex() != wanted.is_complex():
        return kind
    if found.shape != wanted.shape:
        return f"has shape {tuple(found.shape)}; must be {tuple(wanted.shape)}, as in the network"
    try:
        values = found.to(wanted.dtype)
    except RuntimeError:  # of a type that torch converts to no other
        return kind
    judged = values if values.is_floating_point() else found
    if judged.is_floating_point() and not judged.double().isfinite().all():  # torch.isfinite does not know every type
        return f"has values that are not finite as {wanted.dtype}; must be the weights of a run that did not diverge"
    return ""


def _unwrapped(state: Mapping[str, Tensor], wanted: Mapping[str, Any], where: str) -> dict[str, Tensor]:
    """The weights by the names that the network has for them."""
    named: dict[str, str] = {}  # the name in the network -> that in the file
    for key in state:
        name = _without_wrappers(key, wanted)
        if name in named:
            raise ValueError(f"{where}: {named[name]} and {key} are both {name} without a prefix; must be the weights of one network")
        named[name] = key
    prefixes = sorted({key.removesuffix(name) for name, key in named.items()} - {""})
    beside = [name for name in named if prefixes and name not in wanted and not name.startswith(tuple(prefixes))]
    if prefixes:
        LOG.warning("%s: without the prefix %s%s", where, ", ".join(prefixes), f"; left out: {', '.join(beside)}" if beside else "")
    return {name: state[key] for name, key in named.items() if name not in beside}


def _without_wrappers(key: str, wanted: Mapping[str, Any]) -> str:
    """The name without prefixes of WRAPPERS where the network has that; else as it is."""
    name = key
    while name not in wanted:
        prefix = next((prefix for prefix in WRAPPERS if name.startswith(prefix)), None)
        if prefix is None:
            return key
        name = name.removeprefix(prefix)
    return name


def _described(network: Mapping[str, Any], where: str) -> nn.Module:
    """The network that a file describes."""
    with torch.random.fork_rng(devices=[]):
        try:
            return networks.build(**network)
        except ValueError as error:
            raise ValueError(f"{where}: network: {error}") from error
        except (RuntimeError, TypeError, OverflowError) as error:  # what torch says of sizes that it can't have
            wrong = f"{class_and_line(error)[:200]}; must have sizes that fit the memory"
            raise ValueError(f"{where}: network = {dict(network)!r}: {wrong}") from error


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
        except (Exception, SystemExit) as error:  # whatever a user's code raises
            raise ValueError(f"model = {factory!r} must name a function that returns a network; {class_and_line(error)}") from error
    if not isinstance(found, nn.Module):
        raise ValueError(f"model = {factory!r} returned a {type(found).__name__}; must return an nn.Module")  # noqa: TRY004 - as all refusals
    return found


@contextmanager
def _importing_from_here() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
