"""The completion that `tsla --print-completion` prints, as bash has it; zsh loads what reads the same script."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.cli.support import Refusal, Run
from tsla.empirics.simulation import problems
from tsla.theory.testing.planted import Rejects

BASH = shutil.which("bash")
ASK = 'COMP_WORDS=({words}); COMP_CWORD={last}; _tsla; echo "${{COMPREPLY[@]}}"'
OFFERED = {  # what stands on the line, the last word begun -> what it may become
    "tsla com": "compare",
    "tsla re": "records report",
    "tsla bound lsr-": "lsr-abc lsr-pl-last",
    "tsla bound tsla --eta": "--eta1 --eta2",
    "tsla steps sgd --sw": "--sweep",
    "tsla steps sgd --eta": "",
    "tsla compare --sig": "--sigma2",
    "tsla simulate --problem ''": " ".join(problems.names()),
    "tsla simulate --method lsr-pl-": "lsr-pl-last lsr-pl-last-sharp lsr-pl-sharp",
    "tsla train --batch": "--batch-size",
}


def offers(script: str) -> None:
    asked = [ASK.format(words=line, last=len(line.split()) - 1) for line in OFFERED]
    command = [str(BASH), "--norc", "-c", "\n".join([script, *asked])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own script
    assert dict(zip(OFFERED, done.stdout.splitlines(), strict=True)) == OFFERED


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_what_bash_offers(run: Run, rejects: Rejects) -> None:
    script = run("--print-completion bash")
    rejects(offers, right=script, wrong=script.replace("--eta2 ", ""))
    start, rest = run("--print-completion zsh").split("\n", 1)
    assert (start, rest) == ("autoload -Uz compinit bashcompinit && compinit && bashcompinit", script)


def test_another_shell(refusal: Refusal) -> None:
    assert refusal(["--print-completion", "fish"]) == "tsla: argument --print-completion: 'fish' is unknown; must be one of bash, zsh"
