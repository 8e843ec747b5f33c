"""The lists of dependencies agree: project file, inputs of the lock, lock, page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = ROOT / "requirements"


def listed(name: str) -> list[str]:
    """The requirements of an input of the lock, as written."""
    lines = (REQUIREMENTS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def bare(requirement: str) -> str:
    """The name in a requirement, in the form that indexes use."""
    return re.split(r"[<>=~!\[; ]", requirement, maxsplit=1)[0].lower().replace(".", "-").replace("_", "-")


def locked(name: str) -> dict[str, str]:
    """The blocks of a lock by name: the pin and its hashes."""
    text = (REQUIREMENTS / name).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    return {bare(block): block for block in blocks if block and block[0].isalnum()}


def test_the_wheel_needs_what_the_lock_was_made_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == listed("runtime.in")


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_everything_in_a_lock_is_pinned_and_hashed(name: str) -> None:
    lock = locked(f"{name}.txt")
    assert len(lock) >= len(listed(f"{name}.in"))
    for requirement, block in lock.items():
        assert re.match(r"[\w.\-]+==\S+ ", block), f"{requirement} is not pinned"
        assert "--hash=sha256:" in block, f"{requirement} has no hash"


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_everything_wanted_is_in_the_lock(name: str) -> None:
    assert {bare(line) for line in listed(f"{name}.in")} <= set(locked(f"{name}.txt"))


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    pins = {name: block.split()[0] for name, block in locked("dev.txt").items()}
    assert all(pins.get(name) == block.split()[0] for name, block in locked("runtime.txt").items())


def test_the_page_says_of_each_dependency_why_it_is_here() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = {bare(match) for match in re.findall(r"^\| ([\w.-]+) \|", page, re.MULTILINE)}
    wanted = {bare(line) for line in [*listed("runtime.in"), *listed("dev.in")]}
    assert wanted <= explained


def test_the_page_says_which_libraries_no_code_uses() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sojourn").rglob("*.py"))
    modules = {
        "ruamel-yaml": "ruamel.yaml",
        "faust-streaming": "faust",
        "opentelemetry-api": "opentelemetry",
        "opentelemetry-sdk": "opentelemetry.sdk",
        "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter",
    }
    for name in (bare(line) for line in listed("runtime.in")):
        module = modules.get(name, name.replace("-", "_"))
        used = re.search(rf"^\s*(?:from|import) {re.escape(module)}\b|\"{module}\.", code, re.MULTILINE) is not None
        (line,) = (row for row in page.splitlines() if row.startswith("| ") and bare(row[2:].split(" |")[0]) == name)
        said = "not used yet" in line.lower() or "not imported" in line
        assert used != said, name
