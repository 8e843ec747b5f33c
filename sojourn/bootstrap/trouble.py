"""What does not go well at the moment: a store that is away, and errors of the engine itself; told once, by place."""

import traceback
from collections.abc import Callable
from pathlib import Path

import structlog

from sojourn.bootstrap.metrics import Metrics
from sojourn.errors import SojournError
from sojourn.ports import StoreBusy, StoreUnwritable

_AWAY = (StoreBusy, StoreUnwritable)

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")


class Trouble:
    """Keeps the last trouble until the same place works again.

    ``store`` is why the store could not be written (None: it can), since ``at``. ``faults`` tells for each place how
    the engine itself failed there; never with an error's text, which may hold a customer's values.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], int]) -> None:
        self._metrics, self._clock = metrics, clock
        self.store: SojournError | None = None
        self.at = 0
        self.faults: dict[str, str] = {}

    def note(self, error: Exception, where: str) -> None:
        """Remember and log an error after which work goes on."""
        kind = type(error).__name__
        self._metrics.store_errors.labels(kind).inc()
        if not isinstance(error, SojournError):
            self.faults[where] = f"{kind} at {_place(error)}"
            log.error("an error of the engine itself", where=where, kind=kind, at=_place(error))
            return
        if isinstance(error, _AWAY):
            self.store, self.at = error, self._clock()
        log.warning("put off", where=where, what=error.what, next_step=error.next_step)

    def works(self, where: str, *, wrote: bool) -> None:
        """A place works again; ``wrote``: something was stored, so the store is back."""
        self.faults.pop(where, None)
        if wrote:
            self.store = None


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{Path(last[0].filename).name}:{last[0].lineno}" if last else "unknown"
