"""The indexes of a book: which journeys an event may start, count for, judge or wait for (book.py)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sojourn.core.book import BecomesStart, DayStart, EventStart, Journey, PatternStart, SilenceStart


@dataclass(frozen=True, slots=True)
class Indexes:
    """What stands in the fields of the same names of a Book."""

    starts_at: Mapping[str, tuple[Journey, ...]]
    day_starts: tuple[tuple[Journey, DayStart], ...]
    becomes: tuple[Journey, ...]
    silences: Mapping[str, tuple[tuple[Journey, SilenceStart], ...]]
    judges: Mapping[str, tuple[Journey, ...]]
    early: Mapping[str, tuple[Journey, ...]]


@dataclass(slots=True)
class _Index:
    """Event type -> journeys, each once, in the order of their ids."""

    found: dict[str, dict[str, Journey]] = field(default_factory=dict)

    def add(self, types: Iterable[str], journey: Journey) -> None:
        for name in types:
            self.found.setdefault(name, {})[journey.id] = journey

    def freeze(self) -> dict[str, tuple[Journey, ...]]:
        return {name: tuple(journeys.values()) for name, journeys in sorted(self.found.items())}


def index(journeys: Iterable[Journey], draining: frozenset[str]) -> Indexes:
    """Give the indexes over the current version of each journey.

    A draining journey starts nothing (Q43). It still judges and keeps early events, because a later
    publication may let it start again.

    Args:
        journeys: The current version of each journey that is published.
        draining: Ids of journeys that take no new starts.
    """
    ordered = sorted(journeys, key=lambda journey: journey.id)
    open_ones = [journey for journey in ordered if journey.id not in draining]
    starts, judges, early = _Index(), _Index(), _Index()
    silences: dict[str, list[tuple[Journey, SilenceStart]]] = {}
    for journey in open_ones:
        starts.add(_starting(journey), journey)
        for start in journey.starts:
            if isinstance(start, SilenceStart):
                silences.setdefault(start.event, []).append((journey, start))
    for journey in ordered:
        judges.add(_judging(journey), journey)
        early.add(sorted(journey.early), journey)
    return Indexes(
        starts_at=starts.freeze(),
        day_starts=tuple((one, start) for one in open_ones for start in one.starts if isinstance(start, DayStart)),
        becomes=tuple(one for one in open_ones if any(isinstance(start, BecomesStart) for start in one.starts)),
        silences={name: tuple(pairs) for name, pairs in sorted(silences.items())},
        judges=judges.freeze(),
        early=early.freeze(),
    )


def _starting(journey: Journey) -> Iterator[str]:
    """Give the types that may start a run or that a pattern counts, for or against (Q11)."""
    for start in journey.starts:
        if isinstance(start, EventStart):
            yield from (match.type for match in start.events)
        elif isinstance(start, PatternStart):
            yield start.event
            if start.negative is not None:
                yield start.negative


def _judging(journey: Journey) -> set[str]:
    """Give the types whose seq judges later starts (Q7), and goals and exits that block an entry (N9)."""
    endings = {match.type for ending in journey.endings for match in ending.events}
    starts = {match.type for start in journey.starts if isinstance(start, EventStart) for match in start.events}
    found = starts | endings if starts else set()
    return found | endings if journey.again.kind == "never" else found
