"""What the parts of a worker (taking, timing) need of the worker around them."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.quarantine import Quarantine
from sojourn.bootstrap.releases import Edition
from sojourn.bootstrap.trouble import Trouble
from sojourn.intake.deciding import Deciding
from sojourn.ports import Store

if TYPE_CHECKING:
    from sojourn.bootstrap.tracing import Tracing


class Host(Protocol):
    """A worker, as its parts see it."""

    @property
    def store(self) -> Store: ...
    @property
    def deciding(self) -> Deciding: ...
    @property
    def edition(self) -> Edition: ...
    @property
    def quarantine(self) -> Quarantine: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def trouble(self) -> Trouble: ...
    @property
    def tracing(self) -> "Tracing | None": ...
    @property
    def stopping(self) -> asyncio.Event: ...
    @property
    def clock(self) -> Callable[[], int]: ...
