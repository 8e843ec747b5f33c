"""What a check found, and what every check gets to look at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from sojourn.bootstrap.settings import Settings
from sojourn.definitions.project import Project, find_problems
from sojourn.errors import SojournError

Level = Literal["ok", "note", "warning", "error"]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "error")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is well or not: what, with which data, and what to do next.

    ``note`` is worth knowing, ``warning`` works and will hurt some day, ``error`` stops the engine or loses data.
    """

    level: Level
    part: str
    what: str
    data: Mapping[str, Any] = {}
    next_step: str = ""


class Site:
    """What a check looks at: the settings of the process, the time (ms), and the project, loaded once for all."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self.settings, self.clock = settings, clock
        self._loading = asyncio.Lock()
        self._loaded: tuple[Project | None, int] | None = None

    async def project(self) -> tuple[Project | None, int]:
        """Give the project of the folder, or None and how many errors it has."""
        async with self._loading:
            if self._loaded is None:
                project, problems = await asyncio.to_thread(find_problems, self.settings.project)
                self._loaded = project, len(problems.errors)
        return self._loaded


Check = Callable[[Site], Awaitable[Sequence[Finding]]]


def ok(part: str, what: str, **data: Any) -> Finding:
    """Give a finding that nothing is wrong."""
    return Finding(level="ok", part=part, what=what, data=data)


def note(part: str, what: str, next_step: str = "", **data: Any) -> Finding:
    """Give a finding that is worth knowing."""
    return Finding(level="note", part=part, what=what, data=data, next_step=next_step)


def warning(part: str, what: str, next_step: str, **data: Any) -> Finding:
    """Give a finding that will hurt some day."""
    return Finding(level="warning", part=part, what=what, data=data, next_step=next_step)


def error(part: str, what: str, next_step: str, **data: Any) -> Finding:
    """Give a finding that stops the engine or loses data."""
    return Finding(level="error", part=part, what=what, data=data, next_step=next_step)


def of_error(part: str, found: SojournError) -> Finding:
    """Give the finding that an error of ours is."""
    return Finding(level="error", part=part, what=found.what, data=found.data, next_step=found.next_step)


def worst(findings: Sequence[Finding]) -> Level:
    """Give the highest level; ok for none."""
    return LEVELS[max((LEVELS.index(one.level) for one in findings), default=0)]
