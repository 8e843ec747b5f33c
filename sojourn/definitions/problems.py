"""What is wrong with a project, told like a compiler: file, line, column, the line, a caret, a hint.

Problems are collected, never thrown one by one: a person who fixes a project wants all of them at once.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sojourn.errors import MustStop

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: the file as the reader was told it, line and column from 1, and that line."""

    file: str
    line: int = 1
    column: int = 1
    source_line: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. ``message`` says what is wrong, ``hint`` what is allowed or what was probably meant."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    source_line: str = ""
    severity: Severity = "error"

    @property
    def order(self) -> tuple[str, int, int, str]:
        """The sort key: file, line, column, text."""
        return (self.file, self.line, self.column, self.message)

    def as_json(self) -> dict[str, Any]:
        """Give the form that ``--json`` prints."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
        }


class DefinitionError(MustStop):
    """A project (or one file of it) cannot be used; carries every problem found, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: p.order))
        count = len(self.problems)
        what = f"{count} problem{'s' if count != 1 else ''} in the definitions\n\n{render_all(self.problems)}"
        super().__init__(what, next_step="Correct the lines named above and run `sojourn check` again")

    def __reduce__(self) -> tuple[Any, ...]:
        """Survives a trip between processes with all its problems."""
        return (type(self), (self.problems,))


class Problems:
    """Collects findings while everything else goes on; one for each project, passed everywhere.

    The same finding at the same place counts once.
    """

    def __init__(self, found: Iterable[Problem] = ()) -> None:
        self._found: dict[Problem, None] = dict.fromkeys(found)

    def add(self, place: Place, message: str, hint: str = "", severity: Severity = "error") -> None:
        """Take note of something wrong at a place."""
        problem = Problem(place.file, place.line, place.column, message, hint, place.source_line, severity)
        self._found.setdefault(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over findings made elsewhere."""
        for problem in problems:
            self._found.setdefault(problem)

    @property
    def errors(self) -> list[Problem]:
        """The findings that forbid to go on, sorted."""
        return [problem for problem in self if problem.severity == "error"]

    def stop_on_errors(self) -> None:
        """Raise DefinitionError with all errors, if there is one."""
        if self.errors:
            raise DefinitionError(self.errors)

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self._found, key=lambda p: p.order))

    def __len__(self) -> int:
        return len(self._found)


def render(problem: Problem) -> str:
    """Give the text of one problem: head, the line with a caret, the hint."""
    lines = [f"{problem.file}:{problem.line}:{problem.column}: {problem.severity}: {problem.message}"]
    if problem.source_line.strip():
        number = str(problem.line)
        before = problem.source_line[: problem.column - 1]
        shown = "".join(char if char.isprintable() else "?" for char in problem.source_line.rstrip())
        lines.append(f"  {number} | {shown}")
        lines.append(f"  {' ' * len(number)} | {' ' * _width(before)}^")
    if problem.hint:
        lines.append(f"  hint: {problem.hint}")
    return "\n".join(lines)


def render_all(problems: Iterable[Problem]) -> str:
    """Give the texts of all problems, sorted, with an empty line between."""
    return "\n\n".join(render(problem) for problem in sorted(problems, key=lambda p: p.order))


def _width(text: str) -> int:
    """How many cells a terminal takes for a text: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
