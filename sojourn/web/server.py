"""One process that serves HTTP on the engine it holds: from the first line to a clean end."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from errno import EADDRINUSE
from typing import Any, Final, Protocol

import uvicorn
from prometheus_client import CollectorRegistry

from sojourn.bootstrap.intake_queue import Received
from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.settings import Listen
from sojourn.core.book import Book
from sojourn.errors import ConfigurationError
from sojourn.ports import Views
from sojourn.web.app import make_app
from sojourn.web.host import InboxEntry

BACKLOG: Final = 512
_GRACE_S: Final = 2


class Engine(Protocol):
    """What runs behind HTTP: the embedded engine, or a worker of production."""

    @property
    def book(self) -> Book: ...
    @property
    def views(self) -> Views: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def inbox(self) -> Sequence[InboxEntry]: ...
    @property
    def clock(self) -> Callable[[], int]: ...
    async def submit(self, raws: Sequence[bytes], source: str, headers: Iterable[tuple[str, bytes]]) -> Received: ...
    async def health(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class EngineHost:
    """An engine as HTTP sees it."""

    engine: Engine
    api_key: str
    listens_here_only: bool

    @property
    def book(self) -> Book:
        """See ``Host.book``."""
        return self.engine.book

    @property
    def views(self) -> Views:
        """See ``Host.views``."""
        return self.engine.views

    @property
    def registry(self) -> CollectorRegistry:
        """See ``Host.registry``."""
        return self.engine.metrics.registry

    @property
    def inbox(self) -> Sequence[InboxEntry]:
        """See ``Host.inbox``."""
        return self.engine.inbox

    def now(self) -> int:
        """See ``Host.now``."""
        return self.engine.clock()

    async def submit(self, raws: Sequence[bytes], source: str, headers: Iterable[tuple[str, bytes]] = ()) -> Received:
        """See ``Host.submit``."""
        return await self.engine.submit(raws, source, headers)

    async def health(self) -> Mapping[str, Any]:
        """See ``Host.health``."""
        return await self.engine.health()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(listen: Listen) -> tuple[socket.socket, bool]:
    """Give a listening socket, and whether another port was taken because the wanted one is in use.

    Raises:
        ConfigurationError: The address is none of this machine, or may not be used.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    for port in (listen.port, 0):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((listen.host, port))
            sock.listen(BACKLOG)
        except OSError as error:
            sock.close()
            if error.errno == EADDRINUSE and port:
                continue
            raise ConfigurationError(
                "HTTP cannot listen there",
                host=listen.host,
                port=listen.port,
                problem=error.strerror,
                next_step="Set SOJOURN_LISTEN to an address of this machine",
            ) from error
        sock.setblocking(False)
        return sock, port != listen.port
    raise ConfigurationError("No port is free", host=listen.host, next_step="Set SOJOURN_LISTEN")


def address_of(sock: socket.socket) -> str:
    """Give the address that a socket listens on, as a URL."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextlib.asynccontextmanager
async def serving(host: EngineHost, sock: socket.socket) -> AsyncIterator[None]:
    """Serve HTTP on a socket until the block ends; requests under way are answered first, for a moment."""
    config = uvicorn.Config(
        make_app(host, here_only=host.listens_here_only),
        log_config=None,
        access_log=False,  # an address may hold a customer's id
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=15,
        limit_concurrency=1_000,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]), name="http")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


def on_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` at SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
