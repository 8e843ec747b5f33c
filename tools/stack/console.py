"""The console of the stack: log, metrics and the inbox page, over the database that the workers share.

The inbox stands for the outside world: a mail server, an SMS gateway and a receiver of calls on loopback that both
workers send to. The console decides nothing and takes no events; they come through Kafka.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.intake_queue import Received
from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.settings import Listen
from sojourn.channels.inbox import InboxMessage, LocalInbox
from sojourn.core.book import Book
from sojourn.definitions.project import Project, load_project
from sojourn.definitions.publish import first_book
from sojourn.errors import TryLater
from sojourn.ports import Store, Views
from sojourn.web.server import EngineHost, address_of, bind, serving


@dataclass(frozen=True, slots=True)
class Console:
    """What the web pages ask of the process that serves them; see `sojourn.web.server.Engine`."""

    project: Project
    book: Book
    store: Store
    box: LocalInbox
    metrics: Metrics = field(default_factory=Metrics)
    clock: Callable[[], int] = wall_clock

    @property
    def views(self) -> Views:
        """What the database tells."""
        return self.store.views

    @property
    def inbox(self) -> Sequence[InboxMessage]:
        """What both workers sent, oldest first."""
        return tuple(self.box.messages)

    async def submit(self, raws: Sequence[bytes], source: str, headers: Iterable[tuple[str, bytes]] = ()) -> Received:
        """Refuses: the console only shows."""
        raise TryLater("The console of the stack takes no events", next_step="Publish to Kafka or post to a worker")

    async def health(self) -> Mapping[str, Any]:
        """Good while the database answers."""
        await self.store.views.counts()
        return {"status": "ok", "parts": {"store": {"status": "ok"}}}


@contextlib.asynccontextmanager
async def inbox_at(file: Path, project: Project) -> AsyncIterator[LocalInbox]:
    """The local inbox while the block runs; what it got stays in `file`."""
    box = LocalInbox(wall_clock, {name: call.example for name, call in project.calls.items()}, file)
    await box.open()
    try:
        yield box
    finally:
        await box.close()


@contextlib.asynccontextmanager
async def console_at(listen: Listen, folder: Path, store: Store, box: LocalInbox) -> AsyncIterator[str]:
    """Serves the console while the block runs and gives its address; another port when the wanted one is taken."""
    project = load_project(folder)
    sock, _ = bind(listen)
    host = EngineHost(Console(project, first_book(project), store, box), "", True)
    async with serving(host, sock):
        yield address_of(sock)
