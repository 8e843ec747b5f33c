"""The tutorial's files are those that its page shows, and they do what it says."""

import re
import shutil
from pathlib import Path

import pytest

from sojourn.definitions.problems import DefinitionError, Problems, render
from sojourn.definitions.project import load_project
from sojourn.testing.journeys import run_file

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorial/first-journey.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs/tutorial/example"
BLOCKS = re.findall(r"^```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = sorted(path.relative_to(EXAMPLE) for path in EXAMPLE.rglob("*") if path.is_file())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The reference project after the reader has done steps 1, 2 and 4."""
    for name in ("journeys", "schemas", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (lines,) = (block for block in BLOCKS if block.startswith("  visit_thanks: "))
    with (tmp_path / "templates/catalogue.yaml").open("a", encoding="utf-8") as catalogue:
        catalogue.write(lines)
    return tmp_path


@pytest.mark.parametrize("path", FILES, ids=str)
def test_page_shows_each_file_as_it_is(path: Path) -> None:
    assert (EXAMPLE / path).read_text(encoding="utf-8") in BLOCKS
    assert f"`{path}`" in PAGE or f"`journeys/{path.name}`" in PAGE


def test_tests_of_the_tutorial_pass(project: Path) -> None:
    loaded = load_project(project)
    problems = Problems()
    ran = run_file(project / "journeys/branch_visit.test.yaml", loaded, problems)
    assert ran is not None
    assert not list(problems)
    assert [(one.case.name, one.missing, one.extra) for one in ran.ran if not one.passed] == []
    assert len(ran.ran) == 3


def test_the_mistake_on_purpose_is_told_as_the_page_says(project: Path) -> None:
    path = project / "journeys/branch_visit.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("activity.recorded", "activity.recordd"), encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_project(project)
    (problem,) = caught.value.problems
    assert render(problem) + "\n" in BLOCKS


def test_a_wrong_wait_fails_the_test(project: Path) -> None:
    path = project / "journeys/branch_visit.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("1 minute", "2 minutes"), encoding="utf-8")
    ran = run_file(project / "journeys/branch_visit.test.yaml", load_project(project), Problems())
    assert ran is not None
    assert [one.passed for one in ran.ran] == [False, True, False]
