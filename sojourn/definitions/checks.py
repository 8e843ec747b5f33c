"""All that `sojourn check` finds in a project: what `load_project` refuses, and warnings beside it."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from pathlib import Path

from sojourn.core.book import CallNode, DayStart, Duration, Journey, Node, SendNode, SilenceStart, WaitForNode, WaitNode
from sojourn.definitions.paths import Reach, reach
from sojourn.definitions.problems import Place, Problem, Problems
from sojourn.definitions.project import CALENDAR, JOURNEYS, Project, find_problems

__all__ = ["Reach", "check", "reach"]

_AHEAD = timedelta(days=365)
_WARNING_MONTH = 10  # from 1 October the table of the next year is missed (Q41)


def check(folder: Path, today: date, journeys: Collection[str] | None = None) -> list[Problem]:
    """Give everything that is found in a project, sorted by file and line: errors, warnings and notes.

    Args:
        folder: The project folder.
        today: The day from which the next twelve months must be covered by calendar and festivals.
        journeys: Only these; None: all. Templates that nobody sends are told only for all.
    """
    project, problems = find_problems(folder, journeys)
    if project is not None:
        _calendar(project, today, problems)
        _festivals(project, today, problems)
        if journeys is None:
            _unused_templates(project, problems)
    return list(problems)


def _calendar(project: Project, today: date, problems: Problems) -> None:
    """Business time needs an official table (Q41).

    A year that has begun without one is an error, and so is a coming one of which nothing is known. Where at
    least the statutory days stand, it is a warning from 1 October of the year before: until the notice comes
    out there is nothing better to enter.
    """
    users = sorted(name for name, one in project.journeys.items() if uses_business_time(one.journey))
    if not users:
        return
    known = {day.year for day in project.calendar.holidays}
    for year in range(today.year, (today + _AHEAD).year + 1):
        if year in project.calendar.official:
            continue
        said = f"{year} has no official calendar, and {', '.join(users)} counts in business time"
        if year == today.year or year not in known:
            problems.add(Place(CALENDAR), said, f"enter the notice for {year} and set `official: true`")
        elif today.month >= _WARNING_MONTH or year < today.year:
            hint = f"only the statutory days of {year} are known; enter the notice when it is out"
            problems.add(Place(CALENDAR), said, hint, "warning")


def _festivals(project: Project, today: date, problems: Problems) -> None:
    """A journey of festivals needs a date of each festival within the next year (Q10)."""
    if not any(_on_festivals(one.journey) for one in project.journeys.values()):
        return
    if not project.calendar.festivals:
        problems.add(Place(CALENDAR), "a journey begins on festivals, and none is declared", "add `festivals`")
    for name in sorted(project.calendar.festivals):
        day = project.calendar.next_festival(name, today)
        if day is None or day > today + timedelta(days=400):
            problems.add(
                Place(CALENDAR),
                f"no date of `{name}` is known for the next year",
                "add it under `festivals`",
                "warning",
            )


def _on_festivals(journey: Journey) -> bool:
    return any(isinstance(start, DayStart) and start.kind == "festival" for start in journey.starts)


def _unused_templates(project: Project, problems: Problems) -> None:
    sent = {
        node.template
        for one in project.journeys.values()
        for node in one.journey.nodes.values()
        if isinstance(node, SendNode)
    }
    for name, template in project.templates.templates.items():
        if name not in sent:
            place = Place(template.at.file, template.at.line, template.at.column)
            problems.add(place, f"no journey sends `{name}`", f"use it below {JOURNEYS}/, or delete it", "warning")


def uses_business_time(journey: Journey) -> bool:
    """Tell whether a journey counts anything in business days or hours (N24)."""
    return any(span.business_days or span.business_ms for span in _spans(journey))


def _spans(journey: Journey) -> Iterator[Duration]:
    yield journey.again.after
    for node in journey.nodes.values():
        yield from _spans_of(node)
    yield from (spec.after for spec in journey.deadlines)
    yield from (start.span for start in journey.starts if isinstance(start, SilenceStart))
    if journey.expire is not None:
        yield journey.expire.span
    if journey.pauses is not None:
        yield journey.pauses.span


def _spans_of(node: Node) -> Iterator[Duration]:
    found: list[Duration | None] = []
    if isinstance(node, SendNode | CallNode):
        found = [node.delivery.valid_for, node.delivery.catch_up]
    if isinstance(node, CallNode):
        found.append(node.within)
    elif isinstance(node, WaitNode):
        found = [node.duration]
    elif isinstance(node, WaitForNode):
        found = [node.within]
    yield from (span for span in found if span is not None)
