"""The numbers of journeys and templates, reproducible from a stored list of past publications (Q43). Pure.

A store keeps for each publication what it contained, as digests. From that list alone follows which number each
content has, so a book built again after a restart numbers everything as before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sojourn.definitions.project import Project
from sojourn.definitions.publish import Change, Release, Running, count_on, first_book, next_book
from sojourn.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Past:
    """What a store keeps of one publication: name -> digest, and what became of live runs."""

    journeys: Mapping[str, str]
    templates: Mapping[str, str]
    running: Running = "stay"

    @classmethod
    def of(cls, project: Project, running: Running = "stay") -> "Past":
        """Give the record of publishing a project."""
        return cls(project.journey_digests, project.template_digests, running)


@dataclass(frozen=True, slots=True)
class Numbered:
    """The numbers after a list of publications: name -> version and digest, gone names included."""

    journeys: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    templates: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def number(past: Iterable[Past]) -> Numbered:
    """Give the numbers that follow from past publications, oldest first."""
    found = Numbered()
    for one in past:
        found = Numbered(
            count_on(found.journeys, one.journeys),
            count_on(found.templates, one.templates),
        )
    return found


def rebuild(projects: Sequence[tuple[Project, Running]], past: Sequence[Past] | None = None) -> Release:
    """Give the book in force after publishing these projects one after the other, oldest first.

    Args:
        projects: Each project as it was published; the word of the first says nothing.
        past: The stored records, checked against the projects when given.

    Raises:
        ConfigurationError: There is no publication, or a stored record does not fit its project.
    """
    if not projects:
        raise ConfigurationError("Nothing was ever published", next_step="Publish the project with `sojourn release`")
    for place, (project, running) in enumerate(projects):
        if past is not None and (place >= len(past) or not _same(Past.of(project, running), past[place])):
            raise ConfigurationError(
                "A stored publication does not fit its record",
                next_step="Restore the folder that was published, or publish anew",
                publication=place + 1,
            )
    book = first_book(projects[0][0])
    for project, running in projects[1:]:
        book, _ = next_book(book, project, running)
    return book


def _same(one: Past, other: Past) -> bool:
    return (one.journeys, one.templates) == (other.journeys, other.templates)


def preview(book: Release, project: Project, running: Running) -> Change:
    """Give what a publication would change, for the counts that are shown before it (`sojourn release`)."""
    return next_book(book, project, running)[1]
