"""What libraries log, as lines of our own log, and not more often than a person can read.

aiokafka writes about 150 lines in an outage of seven seconds. Of each kind one comes through, then one every ten
seconds that tells how many it stands for.
"""

import logging
from collections.abc import Iterable
from typing import Final

import structlog

_EVERY_S: Final = 10.0
_MOST_KINDS: Final = 500

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn.library")


class Quiet(logging.Handler):
    """Passes on one line of each kind (logger and unfilled text) in ``every_s``, with ``left_out`` counting the others.

    Tracebacks, and all lines of a text but the first, are left out: they may hold what a record or a row holds.
    """

    def __init__(self, every_s: float = _EVERY_S) -> None:
        super().__init__(logging.WARNING)
        self._every_s = every_s
        self._passed: dict[tuple[str, str], float] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or count it."""
        kind = (record.name, str(record.msg))
        if record.created - self._passed.get(kind, -self._every_s) < self._every_s:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        if len(self._passed) >= _MOST_KINDS:
            self._passed.clear()
            self._left_out.clear()
        self._passed[kind] = record.created
        error = record.exc_info[0] if record.exc_info else None
        log.log(
            record.levelno,
            "a library says",
            text=record.getMessage().partition("\n")[0],
            of=record.name,
            error=None if error is None else error.__name__,
            left_out=self._left_out.pop(kind, 0),
        )


def quiet(names: Iterable[str] = ("aiokafka",), every_s: float = _EVERY_S) -> Quiet:
    """Take over what these loggers and those below them write; once in a process, before Kafka is used."""
    handler = Quiet(every_s)
    for name in names:
        logger = logging.getLogger(name)
        for old in [each for each in logger.handlers if isinstance(each, Quiet)]:
            logger.removeHandler(old)
        logger.addHandler(handler)
        logger.propagate = False
    return handler
