"""`tsla measure`: from weights in a file to the numbers of Python."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.cli.measure.support import NETWORK, OWN, THEIRS, mlp
from tests.cli.support import Run, as_json
from tests.empirics.data.making import image, noise
from tsla.empirics.advice.measure import reading, study
from tsla.empirics.data.datasets import arrays, load
from tsla.empirics.models import checkpoints
from tsla.empirics.models.networks import build
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import draw, measure
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.theory.text import Json

ABOUT = "checkpoint model data smoothing until microbatch batch_norm seed until_reached versions"


def said(found: Json) -> dict[str, float]:
    """The values of the moments."""
    return {name: estimate["value"] for name, estimate in found["moments"].items()}


def of_theirs() -> tuple[nn.Module, Tensor, Tensor]:
    model = mlp()
    model.load_state_dict(torch.load("mlp.pt", weights_only=True))
    return model, *arrays(Path("data.npz"))


def test_digits_with_the_seed_and_noise_of_the_checkpoint(run: Run) -> None:
    found = as_json(run(f"{OWN} --json"))
    split = load("digits", train_size=60, label_noise=0.1, seed=3)
    torch.manual_seed(0)
    expected = gradient_moments(build(**NETWORK), split.train_inputs, split.train_labels)
    assert said(found) == pytest.approx(asdict(expected), rel=1e-4)
    assert found["data"] == {"name": "digits", "seed": 3, "train_size": 60, "label_noise": 0.1}
    assert (found["examples"], found["population"], found["exact"], found["seed"]) == (60, 60, True, 0)
    assert (found["theta"], found["batch_size"], found["eta_L"], found["until_reached"]) == (0.1, 16, None, None)
    assert {"python", "torch", "tsla", "code"} <= set(found["versions"])


def test_images_of_a_folder_that_the_run_did_not_know(run: Run) -> None:
    """With the split of the checkpoint's run, here its train_size and pool, and the folder of the command before that of the run."""
    for part in ("train", "test"):
        for k, name in enumerate(("cats", "dogs")):
            (place := Path("photographs", part, name)).mkdir(parents=True)
            for i in range(4):
                (place / f"{i}.png").write_bytes(image(noise(64, 64, 3, seed=8 * k + i)))
    shape, training = (3, 32, 32), {"seed": 1, "train_size": 6, "pool": 2, "label_noise": 0.0, "data": "folder", "folder": "moved"}
    described = {"name": "mlp", "shape": shape, "classes": 2, "norm": "group"}
    checkpoints.write(Path("photographs.pt"), model := build("mlp", shape=shape, classes=2), network=described, training=training)
    found = as_json(run("measure --checkpoint photographs.pt --data folder --folder photographs --json"))
    split = load("folder", folder=Path("photographs"), train_size=6, pool=2, seed=1)
    expected = gradient_moments(model, split.train_inputs, split.train_labels)
    assert found["moments"]["s2"]["value"] == pytest.approx(expected.s2, rel=1e-4)
    assert found["examples"] == 6


def test_numbers_are_those_of_python(run: Run) -> None:
    found = as_json(run(f"{THEIRS} --smoothing prior --theta 0.3 --batch-size 4 --eta 0.1 --L 5 --examples 40 --seed 2 --json"))
    model, inputs, labels = of_theirs()
    prior = torch.bincount(labels).double() / 48  # of all the data
    python = measure(model, draw(inputs, labels, examples=40, seed=2), prior, population=48, seed=2)
    expected = json.loads(json.dumps(reading(python, theta=0.3, batch_size=4, eta=0.1, L=5).json()))
    assert found | expected == found
    assert found.keys() - expected.keys() == set(ABOUT.split())
    assert found["eta_L"] == 0.5
    assert (found["examples"], found["population"], found["exact"]) == (40, 48, False)


def test_the_table(run: Run) -> None:
    lines = run(f"{THEIRS} --examples 40 --eta-L 0.5").splitlines()
    about = lines[lines.index("mlp.pt on data.npz") :]
    assert about[1:3] == ["smoothing label: uniform", "drawn with seed 0"]
    assert about[3] == "measured on 40 of 48 examples in 32 batches; 95 % intervals in brackets"
    assert about[4] == "network in training mode, no dropout or BatchNorm layer"
    assert any(line.startswith("  theta°") for line in lines)
    whole = run(OWN)
    assert "\ndigits.pt on digits (seed 3, train_size 60, label_noise 0.1)\nsmoothing label: uniform\n" in whole
    assert "measured on all 60 examples, so that values are exact for these" in whole
    found = as_json(run(f"{OWN} --json"))
    assert found["advice"].startswith(whole.splitlines()[0].removesuffix("."))
    assert found["study"] == study.read(0.1)
    assert study.table(found["study"]) in whole


def test_of_a_file_it_can_be_said_how_many_labels_are_wrong(run: Run) -> None:
    assert as_json(run(f"{THEIRS} --json"))["study"] == study.read()
    assert as_json(run(f"{THEIRS} --label-noise 0 --json"))["study"] == study.read(0)


def test_python_prints_the_same(run: Run) -> None:
    out = run(f"{THEIRS} --theta 0.3 --batch-size 4")
    python = str(reading(measure(*of_theirs()[:1], draw(*of_theirs()[1:]), population=48), theta=0.3, batch_size=4))
    about = "mlp.pt on data.npz\nsmoothing label: uniform\n"
    assert out.replace(about, "") == f"{python}\n"


def test_own_label_is_said_to_be_the_shrinkage_control(run: Run) -> None:
    out = run(f"{OWN} --smoothing own")
    assert "smoothing label: own, the model's prediction, so that ĝ = 0 as in C17" in out
    assert out.startswith("Smoothing is a smaller step, and nothing else.\n")
    found = as_json(run(f"{OWN} --smoothing own --json"))
    assert found["delta"]["value"] == pytest.approx(found["delta0"]["value"], rel=1e-12)
    assert found["second_moment"]["beyond"]["value"] == 0


@pytest.mark.parametrize("smoothing", ["own-hard", "row.npy", "table.npy", "mlp.pt"])
def test_other_labels(smoothing: str, run: Run) -> None:
    model, inputs, labels = of_theirs()
    predictions = model(inputs).detach().double().softmax(1)
    tables = {
        "own-hard": torch.eye(3)[predictions.argmax(1)],
        "row.npy": torch.tensor([0.25, 0.25, 0.5]).double(),
        "table.npy": torch.softmax(torch.randn(48, 3).double(), 1),
        "mlp.pt": predictions,
    }
    np.save("row.npy", tables["row.npy"].numpy())
    np.save("table.npy", tables["table.npy"].numpy())
    found = as_json(run(f"{THEIRS} --smoothing {smoothing} --seed 5 --json"))
    expected = asdict(gradient_moments(model, inputs, labels, tables[smoothing]))
    assert said(found) == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert found["smoothing"] == smoothing


@pytest.mark.parametrize(("precision", "rel"), [("half", 0.05), ("double", 1e-4)])
def test_a_network_of_another_precision(precision: str, rel: float, run: Run) -> None:
    model, inputs, labels = of_theirs()
    found = as_json(run(f"{THEIRS.replace('models:mlp', f'models:{precision}')} --json"))
    assert said(found) == pytest.approx(asdict(gradient_moments(model, inputs, labels)), rel=rel)


def test_until(run: Run) -> None:
    reached = as_json(run(f"{THEIRS} --until 1000 --json"))
    assert (reached["until"], reached["until_reached"], reached["exact"]) == (1000, True, False)
    assert reached["groups"] == 16
    assert as_json(run(f"{THEIRS} --until 1e-9 --json"))["exact"]
    assert "\nnot as precise as --until asks for\n" in run(f"{THEIRS} --until 1e-9 --examples 20")


def test_batch_norm_by_its_running_statistics(run: Run) -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, "norm.pt")
    found = as_json(run("measure --checkpoint norm.pt --model measured_models:batch_norm --data data.npz --batch-norm evaluation --json"))
    expected = asdict(gradient_moments(model.eval(), *arrays(Path("data.npz"))))
    assert said(found) == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_batch_norm_as_training_has_it(run: Run) -> None:
    """The gradients of whole batches, of which alone anything is said."""
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    torch.save(model.state_dict(), "norm.pt")
    command = "measure --checkpoint norm.pt --model measured_models:batch_norm --data data.npz --batch-size 8 --batch-norm"
    found = as_json(run(f"{command} training --examples 160 --json"))
    expected = minibatch_moments(model, arrays(Path("data.npz")), batch_size=8, batches=20)
    assert said(found) == pytest.approx(asdict(expected.moments), rel=1e-4)
    assert found["delta_at_batch_size"]["value"] == pytest.approx(expected.moments.delta, rel=1e-4)
    assert found["mode"] == "training mode, BatchNorm by the statistics of each batch"
    alone = ("delta", "critical_batch_size", "critical_batch_size_at_theta", "noise_scale")
    assert [found[name] for name in alone] == [None] * 4
    text = run(f"{command} training")
    assert "\nnetwork in training mode, BatchNorm by the statistics of each batch\n" in text
    assert "measured on 2,048 examples in batches of 8; 95 %" in text
    assert "B_c(1)" not in text
    assert "smaller than B_c" not in text
    assert "BatchNorm by its running statistics" in run(f"{command} evaluation")


def test_the_same_command_says_the_same(run: Run) -> None:
    command = f"{THEIRS} --examples 30 --seed 4 --json"
    assert run(command) == run(command)
    assert run(command) != run(f"{THEIRS} --examples 30 --seed 5 --json")
