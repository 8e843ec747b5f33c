"""The checks of tools/check_repo.py find what they are for, and find nothing in a good repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.check_repo import anchors, check, tracked

# Put together here, so that this file passes the check it tests.
HOST = "py" + "pi.org"
WORK = "/" + "work/main/x"
HOME = "/" + "home/ada/x"
INDEX = "--extra-index" + "-url"
LATER = "TO" + "DO"


def repository(root: Path, files: dict[str, str]) -> list[str]:
    """The findings in a repository with these files and a first page of the docs."""
    for name, text in {"docs/index.md": "# Docs\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return [str(finding) for finding in check(root, tracked(root))]


@pytest.mark.parametrize("text", [HOST, WORK, HOME, f"pip install {INDEX} x", f"# {LATER} later"])
def test_finds_what_must_not_be_in_a_file(tmp_path: Path, text: str) -> None:
    (finding,) = repository(tmp_path, {"a.py": f"good\nx = {text!r}\n"})
    assert finding.startswith("a.py:2: ")


@pytest.mark.parametrize("text", ["docs/" + "work/x", "../home/ada", "--no-emit-index" + "-url", "tododendron"])
def test_lets_innocent_text_pass(tmp_path: Path, text: str) -> None:
    assert repository(tmp_path, {"a.py": f"x = {text!r}\n"}) == []


def test_finds_links_that_lead_nowhere(tmp_path: Path) -> None:
    page = "[a](b.md)\n[c](index.md#nothing)\n[d](#here)\n[e](../../x.md)\n\n## Here\n"
    assert repository(tmp_path, {"docs/index.md": page}) == [
        "docs/index.md:1: the link leads nowhere: docs/b.md",
        "docs/index.md:2: index.md has no heading for #nothing",
        "docs/index.md:4: the link leaves the repository: x.md",
    ]


def test_reads_no_links_in_code(tmp_path: Path) -> None:
    page = "`[a](b.md)`\n\n```\n[a](b.md)\n```\n"
    assert repository(tmp_path, {"docs/index.md": page}) == []


def test_finds_pages_that_nobody_reaches(tmp_path: Path) -> None:
    files = {
        "docs/index.md": "[a](a.md)",
        "docs/a.md": "[b](x/b.md)",
        "docs/x/b.md": "",
        "docs/lost.md": "[a](a.md)",
    }
    assert repository(tmp_path, files) == ["docs/lost.md:1: no link leads here from docs/index.md"]


def test_wants_a_first_page(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert [finding.file for finding in check(tmp_path, tracked(tmp_path))] == ["docs/index.md"]


def test_headings_give_the_anchors_that_readers_see(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# One `two`, three\n## Same\n## Same\n```\n# no\n```\n", encoding="utf-8")
    assert anchors(page) == {"one-two-three", "same", "same-1"}
