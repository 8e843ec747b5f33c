"""The page for operators: commands, metrics, parts and settings on it exist, its programs run, its figures are true."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from benchmarks.production import PARTS
from sojourn.bootstrap import worker_health
from sojourn.bootstrap.settings import NAMES
from sojourn.bootstrap.tracing import Tracing
from sojourn.cli.app import app
from sojourn.kafka.topic_rules import KEEP_DEAD_MS, KEEP_MS, LEAST_KEPT_MS
from sojourn.store.postgres import CONNECTIONS
from tests.acceptance.runkit import event, insurer, person

ROOT = Path(__file__).parents[2]
PAGES = ("operate-production", "run-in-production", "when-something-is-wrong")
DAY_MS = 86_400_000


def read(page: str) -> str:
    """The text of a how-to page."""
    return (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")


def programs() -> list[str]:
    """The programs on the page, in order."""
    return re.findall(r"^```python\n(.*?)^```$", read("operate-production"), re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[list[str]]:
    """Every command of Sojourn on a page, in blocks and in the text, split into words."""
    text = read(page)
    blocks = re.findall(r"^ *```(?:console|sh)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += re.findall(r"`(sojourn [^`]+)`", prose)
    return [_words(line.partition("#")[0]) for line in lines if line.startswith("sojourn ")]


def _words(line: str) -> list[str]:
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)][1:]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_one_with_options_that_it_has(page: str) -> None:
    found = commands(page)
    assert len(found) > 5
    for words in found:
        command: Any = typer.main.get_command(app)
        left = list(words)
        while hasattr(command, "commands"):
            assert left, f"{page}: a command is missing behind {command.name}"
            assert left[0] in command.commands, f"{page}: {words}"
            command = command.commands[left.pop(0)]
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        assert {word for word in left if word.startswith("-")} <= known, f"{page}: {words}"


def test_every_metric_is_one() -> None:
    metrics = set(re.findall(r"^\| `(sojourn_\w+)`", (ROOT / "docs/reference/metrics.md").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`(sojourn_\w+)", read(page))}
    assert len(named) > 8
    assert {name.removesuffix("_total") for name in named} <= metrics


def test_every_part_of_readyz_is_one() -> None:
    source = Path(worker_health.__file__).read_text(encoding="utf-8")
    table = read("operate-production").partition("## When an alarm rings")[2]
    named = set(re.findall(r"part `(\w+)`", table))
    assert len(named) > 8
    assert all(f'"{name}"' in source for name in named)


def test_every_setting_is_one() -> None:
    named = {name for page in PAGES for name in re.findall(r"`(SOJOURN_[A-Z_]+[A-Z])\b", read(page))}
    assert {name.removesuffix("_FILE") for name in named} <= set(NAMES)


def test_the_figures_are_those_of_the_code() -> None:
    page = " ".join(read("operate-production").split())
    assert f"each worker takes at most {CONNECTIONS + CONNECTIONS // 4 + 2};" in page
    assert (LEAST_KEPT_MS, KEEP_MS, KEEP_DEAD_MS) == (7 * DAY_MS, 14 * DAY_MS, 90 * DAY_MS)
    assert "warns below seven days, 14 are the default" in page
    assert "`cj.deadletter.v1` 90 days" in page


def test_every_part_of_the_benchmark_is_named() -> None:
    section = read("operate-production").partition("## How large")[2].partition("| what |")[0]
    assert set(PARTS) <= set(re.findall(r"[a-z]+", section))


def test_every_span_has_its_line() -> None:
    source = Path(sys.modules[Tracing.__module__].__file__ or "").read_text(encoding="utf-8")
    written = set(re.findall(r'"(sojourn\.[a-z]+)"', source))
    section = read("operate-production").partition("## Traces")[2].partition("## Logs")[0]
    assert set(re.findall(r"`(sojourn\.[a-z]+)`", section)) == written


@pytest.fixture
def known_customer(tmp_path: Path) -> Path:
    """A project whose database knows one customer."""
    folder = insurer(tmp_path / "p")
    program = (
        "import asyncio, os, sys\n"
        "from sojourn.bootstrap.clock import wall_clock\n"
        "from sojourn.bootstrap.embedded import Engine\n"
        "from sojourn.bootstrap.settings import read_settings\n"
        "async def main():\n"
        "    engine = Engine(read_settings(os.environ), wall_clock)\n"
        "    await engine.open()\n"
        "    running = asyncio.create_task(engine.run())\n"
        "    print(await engine.submit([line.encode() for line in sys.argv[1:]], 'test'))\n"
        "    engine.stop()\n"
        "    await running\n"
        "    await engine.close()\n"
        "asyncio.run(main())\n"
    )
    told = [json.dumps(one, ensure_ascii=False) for one in (person("C-100201"), event(1, customer="C-100201"))]
    said = run(folder, program, *told)
    assert "2" in said, said
    return folder


def run(folder: Path, program: str, *words: str) -> str:
    """Run a program in a project folder and give what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_program_erases(known_customer: Path) -> None:
    (erase,) = programs()
    assert run(known_customer, erase, "C-100201") == "erased"
    assert run(known_customer, erase, "C-100201") == "nobody has this id"
