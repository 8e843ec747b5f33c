"""What a step says when it has run: go on, stay, or the run has ended."""

from typing import Final, NamedTuple

from sojourn.core.model import Copy


class Go(NamedTuple):
    """Go on at a step; None: the body is finished. ``copy`` is the walk as the step has left it."""

    copy: Copy
    ref: str | None


class Stay(NamedTuple):
    """Stay at this step until a timer, an outcome, an answer or an event."""

    copy: Copy


class Ended(NamedTuple):
    """The run has ended; nothing of it walks on."""


ENDED: Final = Ended()
Result = Go | Stay | Ended
