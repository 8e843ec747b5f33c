"""From a checked project to the book in force, and from a book to the next one (N16, Q43). Pure.

A publication carries whole journeys, never differences. Whatever changes in content gets the next version
number; what stays the same keeps its own. Old versions stay in the book, because runs are pinned to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sojourn.core.book import Book, Journey, Supply, TemplateInfo
from sojourn.definitions.indexes import index
from sojourn.definitions.linking import Compiled
from sojourn.definitions.problems import Problem
from sojourn.definitions.project import Project
from sojourn.errors import ConfigurationError

Running = Literal["stay", "move", "drain"]
Numbers = Mapping[str, tuple[int, str]]  # name -> highest version ever published, and its digest
SupplyKey = tuple[str, int, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Book):
    """A book together with what the next publication needs to count on from it.

    ``sources`` holds every version's journey as compiled, with the scopes of its send steps;
    ``journey_numbers`` and ``template_numbers`` remember gone ones, too, so that a number never comes twice.
    """

    sources: Mapping[tuple[str, int], Compiled]
    journey_numbers: Numbers
    template_numbers: Numbers
    problems: tuple[Problem, ...] = ()  # of old versions that the current templates no longer serve


@dataclass(frozen=True, slots=True)
class Change:
    """What a publication changes, by name, sorted; ``problems`` concern old versions only."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    templates_added: tuple[str, ...] = ()
    templates_changed: tuple[str, ...] = ()
    templates_removed: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether journeys and templates are what they were."""
        return self == replace(Change(), problems=self.problems)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the next book holds, before it is linked and indexed."""

    number: int
    sources: Mapping[tuple[str, int], Compiled]
    current: Mapping[str, int]
    draining: frozenset[str]
    journey_numbers: Numbers
    template_numbers: Numbers


def count_on(before: Numbers, digests: Mapping[str, str]) -> dict[str, tuple[int, str]]:
    """Give the numbers after a publication: changed content gets the next one, a new name gets 1.

    Names that are gone keep their last number, so that one that comes back changed goes on from there.
    """
    after = dict(before)
    for name, digest in digests.items():
        version, old = before.get(name, (0, ""))
        after[name] = (version, old) if digest == old else (version + 1, digest)
    return after


def first_book(project: Project) -> Release:
    """Give the book of a project that was never published: everything is version 1."""
    journeys = count_on({}, project.journey_digests)
    templates = count_on({}, project.template_digests)
    sources = {(name, 1): source for name, source in project.journeys.items()}
    plan = _Plan(1, sources, dict.fromkeys(project.journeys, 1), frozenset(), journeys, templates)
    return _build(project, plan)


def next_book(book: Book, project: Project, running: Running) -> tuple[Release, Change]:
    """Give the book that a publication makes of the one in force, and what it changes (Q43).

    Args:
        book: The book in force.
        project: The whole project as it is to be.
        running: What becomes of live runs. The book is the same for stay and move; with drain the changed
            journeys take no new starts until a later publication changes them again.

    A journey that is gone drains: it starts nothing any more, its versions stay.

    Raises:
        ConfigurationError: The book does not come from a publication, so nothing can be counted on from it.
    """
    if not isinstance(book, Release):
        raise ConfigurationError(
            "This book does not come from a publication", next_step="Build it with first_book", number=book.number
        )
    journeys = count_on(book.journey_numbers, project.journey_digests)
    templates = count_on(book.template_numbers, project.template_digests)
    changes = _journey_changes(book, project, journeys)
    touched = frozenset(changes["added"]) | frozenset(changes["changed"])
    draining = (book.draining & frozenset(project.journeys)) - touched
    if running == "drain":
        draining |= frozenset(changes["changed"])
    current = {name: journeys[name][0] for name in project.journeys}
    sources = dict(book.sources) | {(name, current[name]): one for name, one in project.journeys.items()}
    after = _build(project, _Plan(book.number + 1, sources, current, draining, journeys, templates))
    said = changes | _template_changes(book, project, templates)
    return after, Change(**said, problems=after.problems)


def _journey_changes(book: Release, project: Project, numbers: Numbers) -> dict[str, Any]:
    names = frozenset(project.journeys)
    return {
        "added": tuple(sorted(names - frozenset(book.current))),
        "changed": tuple(
            sorted(name for name in names & frozenset(book.current) if numbers[name][0] != book.current[name])
        ),
        "removed": tuple(sorted(frozenset(book.current) - names)),
    }


def _template_changes(book: Release, project: Project, numbers: Numbers) -> dict[str, Any]:
    names, old = frozenset(project.template_digests), frozenset(book.templates)
    changed = (name for name in names & old if numbers[name][0] != book.templates[name].version)
    return {
        "templates_added": tuple(sorted(names - old)),
        "templates_changed": tuple(sorted(changed)),
        "templates_removed": tuple(sorted(old - names)),
    }


@dataclass(slots=True)
class _Linked:
    journeys: dict[tuple[str, int], Journey] = field(default_factory=dict)
    supplies: dict[SupplyKey, tuple[Supply, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def _build(project: Project, plan: _Plan) -> Release:
    linked = _link(project, plan)
    indexes = index((linked.journeys[name, version] for name, version in plan.current.items()), plan.draining)
    return Release(
        number=plan.number,
        journeys=linked.journeys,
        current=plan.current,
        draining=plan.draining,
        profile=project.profile,
        rules=project.rules,
        calendar=project.calendar,
        words=project.words,
        templates=_template_infos(project, plan.template_numbers),
        supplies=linked.supplies,
        event_types=project.catalogue.fields,
        starts_at=indexes.starts_at,
        day_starts=indexes.day_starts,
        becomes=indexes.becomes,
        silences=indexes.silences,
        judges=indexes.judges,
        early=indexes.early,
        sources=plan.sources,
        journey_numbers=plan.journey_numbers,
        template_numbers=plan.template_numbers,
        problems=tuple(linked.problems),
    )


def _link(project: Project, plan: _Plan) -> _Linked:
    """Give every version its number, its supplies from the current templates, and what those read."""
    linker = project.linker
    linked = _Linked()
    for (name, version), source in plan.sources.items():
        if plan.current.get(name) == version:
            supplied = project.supplied[name]  # linked and checked with the project itself
        else:
            supplied = linker.link(source)
            linked.problems.extend(one for one in supplied.problems if one.severity == "error")
        journey = replace(source.journey, version=version, reads=supplied.reads)
        linked.journeys[name, version] = journey
        for (ref, channel, locale), supplies in supplied.supplies.items():
            linked.supplies[name, version, ref, channel, locale] = supplies
    return linked


def _template_infos(project: Project, numbers: Numbers) -> dict[str, TemplateInfo]:
    return {
        name: TemplateInfo(name, numbers[name][0], template.klass, bodies_of(template.bodies))
        for name, template in project.templates.templates.items()
    }


def bodies_of(bodies: Mapping[tuple[str, str], Any]) -> dict[str, frozenset[str]]:
    """Give channel -> locales of the bodies that are there."""
    found: dict[str, set[str]] = {}
    for channel, locale in bodies:
        found.setdefault(channel, set()).add(locale)
    return {channel: frozenset(locales) for channel, locales in found.items()}
