"""HTTP in front of a worker, and its ready line."""

import contextlib
import sys
from collections.abc import AsyncIterator

import msgspec
import structlog

from sojourn.bootstrap.production import Production
from sojourn.web.server import EngineHost, address_of, bind, is_loopback, serving

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")


@contextlib.asynccontextmanager
async def public(work: Production) -> AsyncIterator[None]:
    """Serve HTTP and say so on standard output, until the block ends."""
    settings = work.settings
    assert work.secrets is not None, "open comes first"
    key = settings.api_key.get_secret_value() if settings.api_key else work.secrets.api
    sock, moved = bind(settings.listen)
    if moved:
        log.warning("the port is taken by another program; another one was chosen", wanted=settings.listen.port)
    address = address_of(sock)
    async with serving(EngineHost(work, key, is_loopback(settings.listen.host)), sock):
        _say({"event": "ready", "listen": address.removeprefix("http://"), "url": address, "worker": work.name})
        yield


def _say(line: dict[str, str]) -> None:
    """Write to the real standard output; Faust's own command line has put its log in the place of sys.stdout."""
    out = sys.__stdout__ or sys.stdout
    if out is not sys.stdout:
        out.write("\n")  # its spinner has left something on the line
    out.write(msgspec.json.encode(line).decode() + "\n")
    out.flush()
