"""The pages that say how to add something are followed to the letter, on a copy, and it works."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sojourn.definitions.problems import Problems
from sojourn.definitions.project import load_project
from sojourn.testing.journeys import run_file

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a how-to page in one language, in order."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    return [code for kind, code in BLOCK.findall(text) if kind == language]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the reference project after the tutorial was done."""
    for name in ("journeys", "schemas", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.test.yaml"))
    for path in ROOT.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    shutil.copytree(ROOT / "docs/tutorial/example", tmp_path, dirs_exist_ok=True)
    add(tmp_path / "templates/catalogue.yaml", "  visit_thanks: {class: service}\n  visit_question: {class: service}\n")
    return tmp_path


def add(path: Path, text: str) -> None:
    """Write text at the end of a file."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def put_before(path: Path, mark: str, text: str) -> None:
    """Write text before the only place of a mark."""
    before = path.read_text(encoding="utf-8")
    assert before.count(mark) == 1, f"{path.name}: {mark}"
    path.write_text(before.replace(mark, text + mark), encoding="utf-8")


APPOINTMENT = """\
customer: {id: C1, timezone: Asia/Shanghai, language: en}
tests:
  - it: reminds of an hour at the branch, the day before
    given:
      - {at: 2026-03-02 10:00, event: appointment.booked, visit_on: 2026-03-12}
    until: 2026-03-31
    expect:
      - 2026-03-11 10:00  sms  visit_question
  - it: says nothing about an hour on the telephone
    given:
      - {at: 2026-03-02 10:00, event: appointment.booked, visit_on: 2026-03-12, remote: true}
    until: 2026-03-31
    expect: []
"""


def test_an_event_type_is_added_by_one_class(project: Path) -> None:
    (code,) = blocks("add-an-event-type.md", "python")
    (journey,) = blocks("add-an-event-type.md", "yaml")
    add(project / "schemas/events.py", f"\n\n{code}")
    (project / "journeys/branch_appointment.yaml").write_text(journey, encoding="utf-8")
    tests = project / "journeys/branch_appointment.test.yaml"
    tests.write_text(APPOINTMENT, encoding="utf-8")
    problems = Problems()
    ran = run_file(tests, load_project(project), problems)
    assert ran is not None
    assert not list(problems)
    assert [(one.case.name, one.missing, one.extra) for one in ran.ran if not one.passed] == []
    assert len(ran.ran) == 2


# Beijing, Wednesday 4 March 2026; the Monday at 09:00, the very instant, and a minute too late for it.
VISITS = """\
customer: {id: C1, timezone: Asia/Shanghai, language: en}
tests:
  - it: asks on the next Monday
    given:
      - {at: 2026-03-04 10:00, event: activity.recorded, kind: branch_visit}
    until: 2026-03-31
    expect:
      - 2026-03-04 10:00  sms  visit_thanks
      - 2026-03-09 09:00  sms  visit_question
  - it: takes the same Monday while the time is still to come
    given:
      - {at: 2026-03-09 08:59, event: activity.recorded, kind: branch_visit}
    until: 2026-03-31
    expect:
      - 2026-03-09 08:59  sms  visit_thanks
      - 2026-03-09 09:00  sms  visit_question
  - it: takes the Monday after it at the very instant
    given:
      - {at: 2026-03-09 09:00, event: activity.recorded, kind: branch_visit}
    until: 2026-03-31
    expect:
      - 2026-03-09 09:00  sms  visit_thanks
      - 2026-03-16 09:00  sms  visit_question
"""


def engine_with_wait_day(folder: Path) -> None:
    """Follow add-a-step-type.md on a copy of the engine."""
    engine = folder / "sojourn"
    shutil.copytree(ROOT / "sojourn", engine, ignore=shutil.ignore_patterns("__pycache__"))
    node, run, runs, record, weekdays, step, compiler, compiles, waits = blocks("add-a-step-type.md", "python")
    put_before(
        engine / "core/book.py", "@dataclass(frozen=True, slots=True, kw_only=True)\nclass WaitForNode", f"{node}\n\n"
    )
    (engine / "core/steps/wait_day.py").write_text(run, encoding="utf-8")
    steps = engine / "core/steps/__init__.py"
    put_before(steps, "    WaitForNode,\n", "    WaitDayNode,\n")
    put_before(steps, "wait_for\nfrom", "wait_day, ")
    put_before(steps, "    WaitForNode: ", runs)
    vocabulary = engine / "definitions/vocabulary.py"
    put_before(vocabulary, "LOCALES: ", weekdays)
    grammar = engine / "definitions/steps.py"
    put_before(grammar, "    VALUES,\n)", "    WEEKDAYS,\n")
    put_before(grammar, "DURATION, MOMENT, VALIDITY\n", "TIME_OF_DAY, ")
    put_before(grammar, "_WAIT_FOR: ", record)
    put_before(grammar, '        "wait_for": ', step)
    bodies = engine / "definitions/bodies.py"
    put_before(bodies, "    WaitForNode,\n    WaitNode", "    WaitDayNode,\n")
    put_before(bodies, "from sojourn.definitions.values", "from sojourn.definitions.vocabulary import WEEKDAYS\n")
    put_before(bodies, "def _choose(", f"{compiler}\n\n")
    put_before(bodies, '    "wait_for": _wait_for', compiles)
    compiled = engine / "definitions/compiler.py"
    (old,) = re.findall(r"^_WAITS = .*\n", compiled.read_text(encoding="utf-8"), re.MULTILINE)
    compiled.write_text(compiled.read_text(encoding="utf-8").replace(old, waits), encoding="utf-8")


def test_a_step_type_is_added_as_the_page_says(project: Path) -> None:
    engine_with_wait_day(project)
    journey = project / "journeys/branch_visit.yaml"
    (flow,) = blocks("add-a-step-type.md", "yaml")
    head = journey.read_text(encoding="utf-8").partition("flow:")[0]
    journey.write_text(head + flow, encoding="utf-8")
    tests = project / "journeys/branch_visit.test.yaml"
    tests.write_text(VISITS, encoding="utf-8")
    program = (
        "from sojourn.cli.app import app; from sojourn.definitions.reference import render_reference;"
        "assert '### `wait_day`' in render_reference(); app(['test', 'journeys/branch_visit.test.yaml'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 tests passed" in done.stdout
