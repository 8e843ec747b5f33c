"""Replaying a file of recorded events on a virtual clock, with publications in the stream (interfaces.md)."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sojourn.core.model import Note, Publication, Row
from sojourn.definitions.project import Project, load_project
from sojourn.definitions.publish import first_book, next_book
from sojourn.errors import ConfigurationError, SojournError
from sojourn.intake.decode import Refused, decode_customer, decode_recorded
from sojourn.rendering import SIMULATION_KEY, Renderer
from sojourn.simulate.lines import Line, publications_first
from sojourn.simulate.world import World

PUBLISH = "sojourn.publish"
_RUNNING = ("stay", "move", "drain")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line that was not taken, and why."""

    number: int
    reason: str
    detail: str
    raw: bytes


@dataclass
class Replay:
    """One replay: feed it customers and lines, then read what came of it.

    Args:
        project: The project folder in force from the start, as version 1.
        write: Takes each row as it is decided.
        journeys: Only these journeys take part; None: all.
        answers: What calls are answered, by the name of the call.
    """

    project: Path
    write: Callable[[Row], None]
    journeys: frozenset[str] | None = None
    answers: Mapping[str, Mapping[str, Any]] | None = None
    notes: Callable[[Note], None] | None = None
    dead: list[DeadLetter] = field(default_factory=list)
    dead_count: int = 0
    _loaded: Project = field(init=False)
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self._loaded = load_project(self.project, self.journeys)
        renderer = Renderer(self._loaded.templates, SIMULATION_KEY)
        self.world = World(first_book(self._loaded), renderer, self.write, notes=self.notes, answers=self.answers)

    def run(self, lines: Iterable[Line], customers: Iterable[bytes], until: int) -> float:
        """Replay everything that arrives by ``until`` and give the seconds that it took."""
        began = time.perf_counter()
        clock: int | None = None
        for line in publications_first(lines, PUBLISH):
            if line.arrival is None:
                self._without_arrival(line)
                continue
            if line.arrival > until:
                break
            if clock is None:
                clock = line.arrival
                self._know(customers, clock)
            self._take(line, line.arrival)
        if clock is None:
            self._know(customers, until)
        self.world.run_through(until)
        return time.perf_counter() - began

    def _know(self, customers: Iterable[bytes], at: int) -> None:
        """The customers are known from the first line's arrival (Q48)."""
        for number, raw in enumerate(customers, 1):
            if not raw.strip():
                continue
            known = decode_customer(raw, self._loaded.catalogue)
            if isinstance(known, Refused):
                raise ConfigurationError(
                    "a line of the customers' file cannot be used",
                    line=number, reason=known.reason, detail=known.detail,
                    next_step="Correct the line; schemas/profile.yaml has the fields",
                )  # fmt: skip
            self.world.know(known.customer, known.fields, at)

    def _take(self, line: Line, arrival: int) -> None:
        if line.type == PUBLISH:
            self._publish(line, arrival)
            return
        event = decode_recorded(line.raw, self._loaded.catalogue)
        if isinstance(event, Refused):
            self._refuse(line.number, event.reason, event.detail, line.raw)
        else:
            self.world.feed(event)

    def _without_arrival(self, line: Line) -> None:
        """Say what is wrong with it: the time is often the least."""
        read = None if line.type == PUBLISH else decode_recorded(line.raw, self._loaded.catalogue)
        if not isinstance(read, Refused):
            read = Refused("bad_time", "arrives_at: no time with an offset of the years 1970 to 2100")
        self._refuse(line.number, read.reason, read.detail, line.raw)

    def _publish(self, line: Line, arrival: int) -> None:
        """A publication takes effect at its arrival, before all else (N7)."""
        try:
            payload = msgspec.json.decode(line.raw)["payload"]
            folder, running = Path(payload["project"]), payload.get("running", "stay")
            if running not in _RUNNING:
                raise ConfigurationError("running must be stay, move or drain", running=running)
            project = load_project(folder, self.journeys)
        except (KeyError, TypeError, ValueError, OSError, SojournError) as error:  # ValueError: NUL, bad JSON
            self._refuse(line.number, "bad_publication", str(error), line.raw)
            return
        book, _ = next_book(self.world.book, project, running)
        self._loaded = project
        renderer = Renderer(project.templates, SIMULATION_KEY)
        self.world.publish(book, renderer, Publication(running), arrival)

    def _refuse(self, number: int, reason: str, detail: str, raw: bytes) -> None:
        self.dead_count += 1
        if len(self.dead) < _DEAD_KEPT:
            self.dead.append(DeadLetter(number, reason, detail, raw[:_RAW_KEPT]))


_DEAD_KEPT = 1_000
_RAW_KEPT = 2_000
