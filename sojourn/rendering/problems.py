"""What is wrong in the folder of templates, with the place where a person must look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sojourn.core.nearest import did_you_mean


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Points at one place; `line` and `column` count from 1, `file` is relative to the project."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """`file:line:column: message. hint`, as compilers write it."""
        head = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{head}. {self.hint}" if self.hint else head


def suggest(name: str, known: Iterable[str]) -> str:
    """Names the nearest known word, or lists what is allowed when nothing is near."""
    words = sorted(known)
    near = did_you_mean(name, words)
    return near or "allowed: " + ", ".join(words[:12]) + (" ..." if len(words) > 12 else "")
