"""What runs JavaScript: node, and a headless Chromium. A test that needs one which is not here is skipped, and says so."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.figures.miniature_article import write_undrawn_article
from tests.page.support import SCREENS

Runs = Callable[[str, str, Any], Any]
"""``(script, function, argument)``: what a function of JavaScript makes of the argument once the script has run."""
CALL = """const { script, call, given } = JSON.parse(require("fs").readFileSync(0, "utf8"));
require("vm").runInThisContext(script);
process.stdout.write(JSON.stringify(require("vm").runInThisContext(call)(given)));"""


@pytest.fixture(scope="session")
def node() -> Runs:
    """JavaScript without a page."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node on the PATH")

    def run(script: str, call: str, given: Any) -> Any:
        asked = json.dumps({"script": script, "call": call, "given": given})
        ended = subprocess.run([found, "--eval", CALL], input=asked, capture_output=True, text=True, check=False, encoding="utf-8")  # noqa: S603
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium, of which a test opens pages."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the PATH: `make test-page` installs it")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install 'tsla[page]'")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def chromium(browser: Any) -> Runs:
    """JavaScript in a page."""

    def run(script: str, call: str, given: Any) -> Any:
        opened = browser.new_page()
        opened.add_script_tag(content=script)
        found = opened.evaluate(call, given)
        opened.close()
        return found

    return run


@pytest.fixture(scope="session")
def article(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # no browser, no page
    return write_undrawn_article(tmp_path_factory.mktemp("article"))


@pytest.fixture
def opened(browser: Any) -> Any:
    """Opens a page at an address and gives it back with what it said to the console; all are closed at the end."""
    contexts = []

    def open_page(path: Path, query: str = "", **screen: Any) -> tuple[Any, list[str]]:
        contexts.append(browser.new_context(**(screen or SCREENS["laptop"])))
        page, said = contexts[-1].new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith("file:") else said.append(asked.url))
        page.goto(path.as_uri() + query)
        page.wait_for_selector("svg.chart")
        return page, said

    yield open_page
    for context in contexts:
        context.close()
