"""What ``--help`` and refusals of the calculators say, to the letter."""

from __future__ import annotations

import pytest

from tests.cli.support import Refusal, Run
from tsla import cli

HELP = {
    "bound sgd": """
usage: tsla bound sgd [-h] [--L X] [--sigma2 X] [--F0 X] [--eta X] [--T X] [--json] [--why] [--exact]

plain SGD's bound (C4), SGD's exact worst case (C16)

options:
  -h, --help  show this help message and exit
  --L X       smoothness of F (A1) (required)
  --sigma2 X  variance of the one-hot stochastic gradient (A2) (required)
  --F0 X      F(w_0), at least F(w_0) - F* (required)
  --eta X     step size, at most 1/L (required)
  --T X       number of steps (required)
  --json      print one JSON object
  --why       the derivation, line by line, with these numbers
  --exact     the exact worst case (C16) in place of C4; eta may be up to 2/L
""",
    "steps sgd": """
usage: tsla steps sgd [-h] [--L X] [--sigma2 X] [--F0 X] [--eps X] [--mu X] [--delta X] [--json]

samples until sgd has E‖∇F‖² <= eps², by its bound

options:
  -h, --help  show this help message and exit
  --L X       smoothness of F (A1) (required)
  --sigma2 X  variance of the one-hot stochastic gradient (A2) (required)
  --F0 X      F(w_0), at least F(w_0) - F* (required)
  --eps X     target: E‖∇F‖² <= eps² (required)
  --mu X      Polyak-Łojasiewicz constant (A4), at most L
  --delta X   E‖ĝ-∇F‖² <= delta*sigma2 (A3)
  --json      print one JSON object
""",
}


@pytest.mark.parametrize("command", HELP)
def test_help(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        cli.main([*command.split(), "--help"])
    assert capsys.readouterr().out == HELP[command].lstrip("\n")


@pytest.mark.parametrize(("given", "said"), [("", "none of them"), ("--eps 1 --budget 9", "--budget --eps"), ("--delta 1", "--delta")])
def test_invert_says_what_it_got(given: str, said: str, refusal: Refusal) -> None:
    line = refusal(f"invert --L 1 --mu 1 --sigma2 1 --F0 1 {given}".split())
    assert line.endswith(f"or --eps alone for the largest delta that pays; got {said}")


@pytest.mark.parametrize(("eps", "ahead"), [("0.1", "sgd below 0.5, sgd-exact below 0.1262, "), ("3", "sgd never, sgd-exact never, ")])
def test_compare_says_for_which_delta_a_bound_is_ahead(eps: str, ahead: str, run: Run) -> None:
    last = run(f"compare --L 10 --mu 1 --sigma2 1 --delta 0.1 --F0 1 --eps {eps}").splitlines()[-1]
    assert last.startswith(f"  As delta varies, TSLA's bound is ahead of {ahead}")
