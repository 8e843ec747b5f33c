"""Runs the tests of journeys on the simulated engine, and compares exactly.

Each test has a world of its own, in which only its journey (and those that the file names) take part; local times
are the customer's. What is compared is every message sent and, where the test says so, every one not sent.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from sojourn.core.model import Note, Row
from sojourn.core.zones import to_local
from sojourn.definitions.problems import Problems
from sojourn.definitions.project import Project
from sojourn.definitions.publish import Release, first_book
from sojourn.definitions.reader import read_file
from sojourn.intake.decode import Refused, decode_customer, decode_recorded
from sojourn.rendering import SIMULATION_KEY, Renderer
from sojourn.rows import instant_text
from sojourn.simulate.world import World
from sojourn.testing.casefile import Case, CaseFile, Line, read_cases

SUFFIX = ".test.yaml"
_OPEN = ("held", "deferred")
_NOT_SENT = ("suppressed", "skipped", "failed", *_OPEN)


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one test. ``missing`` and ``extra`` tell the differences of each table; both empty: passed."""

    case: Case
    sent: tuple[str, ...]
    not_sent: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    refused: tuple[tuple[Line, Refused], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not (self.missing or self.extra or self.refused)


@dataclass(frozen=True, slots=True)
class RanFile:
    """All tests of one file, with the book that they ran on."""

    cases: CaseFile
    journey: str
    book: Release
    ran: tuple[Ran, ...]


def test_files(project: Project) -> list[Path]:
    """Give the test files of a project, sorted."""
    return sorted((project.folder / "journeys").glob(f"*{SUFFIX}"))


test_files.__test__ = False  # type: ignore[attr-defined]  # its name is for people; pytest leaves it alone


def run_file(path: Path, project: Project, problems: Problems) -> RanFile | None:
    """Run every test of a file; None when it belongs to no journey or cannot be read.

    Problems of the file are added to ``problems``; tests that can be read run all the same.
    """
    journey = path.name.removesuffix(SUFFIX)
    shown = _shown(path, project.folder)
    root = read_file(path, shown, problems)
    if root is None:
        return None
    if journey not in project.journeys:
        problems.add(root.place, f"there is no journey `{journey}` for these tests", "name the file after its journey")
        return None
    cases = read_cases(root, shown, journey, project, problems)
    part = only(project, cases.journeys)
    book = first_book(part)
    renderer = Renderer(part.templates, SIMULATION_KEY)
    return RanFile(cases, journey, book, tuple(run_case(case, part, book, renderer) for case in cases.cases))


def only(project: Project, journeys: Iterable[str]) -> Project:
    """Give a project with some of its journeys."""
    names = frozenset(journeys)

    def kept(held: Any) -> dict[str, Any]:
        return {name: one for name, one in held.items() if name in names}

    return replace(
        project,
        journeys=kept(project.journeys),
        supplied=kept(project.supplied),
        promises=kept(project.promises),
    )


def run_case(case: Case, project: Project, book: Release, renderer: Renderer) -> Ran:
    """Run one test."""
    rows: list[Row] = []
    notes: list[Note] = []
    world = World(book, renderer, rows.append, notes=notes.append)
    refused: list[tuple[Line, Refused]] = []
    known = decode_customer(case.customer, project.catalogue)
    if isinstance(known, Refused):
        refused.append((case.given[0], known))
    else:
        world.know(known.customer, known.fields, case.given[0].at)
        for line in case.given:
            event = decode_recorded(_bytes(line), project.catalogue)
            if isinstance(event, Refused):
                refused.append((line, event))
            else:
                world.feed(event)
        world.run_through(case.until)
    sent = tuple(line_of(row, case.zone) for row in rows if row.status in ("sent", "delivered"))
    not_sent = tuple(line_of(row, case.zone) for row in rows if row.status in _NOT_SENT)
    missing, extra = _differences(case.expect, sent)
    if case.not_sent is not None:
        more_missing, more_extra = _differences(case.not_sent, not_sent)
        missing, extra = missing + more_missing, extra + more_extra
    return Ran(case, sent, not_sent, missing, extra, tuple(rows), tuple(notes), tuple(refused))


def line_of(row: Row, zone: str) -> str:
    """Write a row as a test expects it: local time, channel, template and, if not sent, the reason."""
    at = local_text(row.handed_over_at or row.decided_at, zone)
    if row.status in ("sent", "delivered"):
        return f"{at} {row.channel} {row.template}"
    if row.channel is None:
        what = str(row.detail.get("cause", "")) if row.step is None else row.step
        return " ".join(part for part in (at, row.reason or "", what) if part)
    until = f" until {local_text(row.next_at, zone)}" if row.status in _OPEN and row.next_at is not None else ""
    return f"{at} {row.channel} {row.template} {row.reason}{until}"


def local_text(instant: int, zone: str) -> str:
    """Write an instant as the customer's local time; seconds only where there are some."""
    day, time = to_local(instant, zone)
    seconds = time // 1000
    text = f"{day.isoformat()} {seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    return text + (f":{seconds % 60:02d}" if seconds % 60 else "")


def _bytes(line: Line) -> bytes:
    times = {"arrives_at": instant_text(line.at), "occurred_at": instant_text(line.envelope["occurred_at"])}
    return msgspec.json.encode({**line.envelope, **times})


def _differences(wanted: Sequence[str], got: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give what is missing and what is there beside it; order does not count, number does."""
    want, have = Counter(wanted), Counter(got)
    return tuple((want - have).elements()), tuple((have - want).elements())


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
