"""The one error family of the engine, and what a caller does when he meets a member of it.

Every error belongs to one of three kinds, and its class says which:

- **later** (:class:`TryLater`): nothing was lost, the same thing may go well in a moment. The caller
  waits with back-off and tries again: a busy database, a gateway that throttles, a lost revision race.
- **never** (:class:`NeverWorks`): the same input will fail each time. The caller sets it aside where a
  person sees it (dead letter, `failed`, a broken run) and goes on with the next: a bad payload, a refused
  address, a template that cannot be rendered.
- **stop** (:class:`MustStop`): going on would do harm. The process (or the command) ends and says why: a
  wrong setting, a project that does not check, a store from a newer version.

A message has three parts: what happened, with which data, what to do next. It names no person: values
that identify somebody are masked before they come here.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["later", "never", "stop"]


class SojournError(Exception):
    """Says what happened, with which data, and what to do next; base of all errors the engine raises.

    `what` is a whole sentence without its full stop; `data` are the values that matter, already masked;
    `next_step` is what the reader does now. All three are kept apart, so that the console and `--json`
    can show them apart. `kind` tells a caller what to do without knowing the class.
    """

    kind: Kind = "stop"

    def __init__(self, what: str, *, next_step: str = "", **data: object) -> None:
        self.what = what
        self.next_step = next_step
        self.data: dict[str, object] = data
        super().__init__(str(self))

    def __str__(self) -> str:
        """The three parts on one line: `what (name=value, ...). Next step`."""
        values = ", ".join(f"{name}={value!r}" for name, value in self.data.items())
        head = f"{self.what} ({values})" if values else self.what
        if not self.next_step:
            return head
        return f"{head} {self.next_step}" if head.endswith("?") else f"{head}. {self.next_step}"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Survives a trip between processes with all three parts."""
        return _rebuild, (type(self), self.what, self.next_step, self.data)


def _rebuild(cls: type[SojournError], what: str, next_step: str, data: dict[str, object]) -> SojournError:
    return cls(what, next_step=next_step, **data)


class TryLater(SojournError):
    """Nothing was lost and a later try may succeed; the caller waits with back-off."""

    kind: Kind = "later"


class NeverWorks(SojournError):
    """The same input fails each time; the caller sets it aside in sight of a person and goes on."""

    kind: Kind = "never"


class MustStop(SojournError):
    """Going on would do harm; the process or command ends with this message."""

    kind: Kind = "stop"


class ConfigurationError(MustStop):
    """A setting, a project folder or a database is not what the engine can run with; exit status 1."""
