"""What HTTP and pages ask of the process that they stand in front of: nothing else of it is known here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from sojourn.core.book import Book
from sojourn.ports import Views


class Refused(Protocol):
    """One input of a request that was not taken: where in the request, and why."""

    @property
    def index(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...


class Received(Protocol):
    """What became of a request, when all of it is stored."""

    @property
    def accepted(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def refused(self) -> Sequence[Refused]: ...


class InboxEntry(Protocol):
    """One message as its receiver got it. ``kind``: sms, email or call; ``at``: ms UTC."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def to(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str | None: ...


class Host(Protocol):
    """The running engine as HTTP sees it."""

    @property
    def book(self) -> Book:
        """The book in force."""
        ...

    @property
    def views(self) -> Views:
        """What can be read."""
        ...

    @property
    def registry(self) -> CollectorRegistry:
        """The metrics of the process."""
        ...

    @property
    def api_key(self) -> str:
        """What callers of the API have to show."""
        ...

    @property
    def inbox(self) -> Iterable[InboxEntry] | None:
        """What the local inbox holds, oldest first; None when every channel leads elsewhere."""
        ...

    def now(self) -> int:
        """The clock, ms UTC."""
        ...

    async def submit(self, raws: Sequence[bytes], source: str, headers: Iterable[tuple[str, bytes]] = ()) -> Received:
        """Store inputs and tell what became of each; headers of the request may name the trace of all.

        Raises:
            TryLater: Nothing, or not all, was stored; the caller sends it again.
        """
        ...

    async def health(self) -> Mapping[str, Any]:
        """Give ``{"status": "ok" | "degraded" | "down", "parts": {...}}``."""
        ...
