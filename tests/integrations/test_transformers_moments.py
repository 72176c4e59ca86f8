"""Text classifiers of transformers, with random weights: moments are those of a loop, whichever examples are padded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import measure
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.theory.moments import MOMENTS, Moments

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("default")  # those of the library are its own

WORDS, LENGTH, END = 40, 9, 1
ENCODER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
BART = {
    f"{part}_{name}": value for part in ("encoder", "decoder") for name, value in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 24))
}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2}
GROUPS = {f"{name}_groups": 2 for name in ("q", "k", "v", "intermediate", "output")}
DISENTANGLED = {**ENCODER, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
FAMILIES: dict[str, dict[str, Any]] = {
    "Bert": ENCODER,
    "DistilBert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24},
    "Roberta": ENCODER,
    "Albert": {**ENCODER, "embedding_size": 8},
    "Electra": {**ENCODER, "embedding_size": 8},
    "Deberta": DISENTANGLED,
    "DebertaV2": DISENTANGLED,
    "MPNet": ENCODER,
    "SqueezeBert": {**ENCODER, **GROUPS, "post_attention_groups": 1, "embedding_size": 16},
    "Funnel": {"d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 24, "block_sizes": [1, 1], "num_decoder_layers": 1},
    "XLNet": {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 24},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 2},
    "Llama": ENCODER,
    "T5": {**T5, "decoder_start_token_id": 0},
    "Bart": {"d_model": 16, **BART, "decoder_start_token_id": END, "forced_eos_token_id": None},
}


def classifier(family: str) -> nn.Module:
    torch.manual_seed(0)
    ends = {"pad_token_id": 0, "eos_token_id": END, "bos_token_id": 2}
    config = getattr(transformers, f"{family}Config")(vocab_size=WORDS, num_labels=3, **ends, **FAMILIES[family])
    model: nn.Module = getattr(transformers, f"{family}ForSequenceClassification")(config)
    return model.eval().double()


LENGTHS = {
    "the first unpadded": [LENGTH] * 6 + [5, 4, LENGTH, 7, 3, LENGTH],
    "all padded": [3, 5, 4, 8, 6, 3, 7, 8, 4, 5, 3, 6],
    "none padded": [LENGTH] * 12,
}


def batch(lengths: str) -> tuple[dict[str, Tensor], Tensor]:
    generator, ends = torch.Generator().manual_seed(0), torch.tensor(LENGTHS[lengths])
    mask = (torch.arange(LENGTH) < ends[:, None]).long()
    ids = torch.randint(3, WORDS, mask.shape, generator=generator) * mask
    ids[torch.arange(len(ids)), ends - 1] = END  # where T5 and BART read the class
    return {"input_ids": ids, "attention_mask": mask}, torch.arange(len(ids)) % 3


def rows(lengths: str) -> list[dict[str, Tensor]]:
    inputs, labels = batch(lengths)
    return [{name: part[i] for name, part in inputs.items()} | {"labels": labels[i]} for i in range(len(labels))]


def by_measure(model: nn.Module, lengths: str) -> Moments:
    return measure(model, DataLoader(rows(lengths), batch_size=4), population=12).estimates.moments  # type: ignore[arg-type]


def by_monitor(model: nn.Module, lengths: str) -> Moments:
    monitor = MomentsMonitor(model, rows(lengths), every=1, microbatch=4)
    monitor.step()
    return Moments(**{name: monitor.rows[0][name] for name in MOMENTS})


CALLS: dict[str, Callable[[nn.Module, str], Moments]] = {
    "gradient_moments": lambda model, lengths: gradient_moments(model, *batch(lengths), microbatch=4),
    "measure": by_measure,
    "monitor": by_monitor,
}


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("family", FAMILIES)
def test_moments_are_those_of_a_loop(family: str, lengths: str) -> None:
    model = classifier(family)
    expected = asdict(moments_by_loop(model, *batch(lengths)))
    for name, call in CALLS.items():
        assert asdict(call(model, lengths)) == pytest.approx(expected, rel=1e-9, abs=1e-9 * expected["s2"]), name
