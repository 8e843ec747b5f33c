"""The HTTP interface for machines: events in, the log out, health and metrics (interfaces.md, HTTP)."""

import asyncio
import hmac
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sojourn.bootstrap.intake_queue import Overloaded
from sojourn.core.nearest import did_you_mean
from sojourn.core.vocabulary import STATUSES
from sojourn.errors import NeverWorks, SojournError
from sojourn.records import LogFilter
from sojourn.rows import instant_of, row_json
from sojourn.web.bodies import split
from sojourn.web.host import Host, Received

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn.web")

BODY_LIMIT: Final = 8 * 1024 * 1024
MOST_EVENTS: Final = 10_000
BODY_SECONDS: Final = 30
_DROPPED: Final = 8 * BODY_LIMIT
LOG_LIMIT: Final = 1_000
LOG_PAGE: Final = 100
SOURCE: Final = "http"
_TRACE: Final = ("traceparent", "ce-traceparent")
_LOG_PARAMETERS: Final = ("customer_id", "journey", "status", "since", "cursor", "limit")


class Answer(Exception):
    """Ends a request with a status and one sentence; never leaves the web layer."""

    def __init__(self, status: int, what: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        self.status, self.what, self.headers, self.more = status, what, dict(headers or {}), more
        super().__init__(what)

    def response(self) -> Response:
        """Give it as JSON."""
        return as_json({"error": self.what, **self.more}, self.status, self.headers)


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give a value as a JSON response."""
    head = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(value), status, head, "application/json")


def require_key(request: Request, host: Host) -> None:
    """Let a caller pass who shows the API key. Raises Answer 401."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), host.api_key.encode()):
        raise Answer(401, "Send the API key as `Authorization: Bearer KEY`", {"WWW-Authenticate": "Bearer"})


# ---- events


async def post_events(request: Request) -> Response:
    """Take events; 202 when they are stored."""
    host: Host = request.app.state.host
    require_key(request, host)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Answer(400, "The body is compressed; send it as it is")
    body = await _body(request)
    raws = split(body, request.headers)
    if len(raws) > MOST_EVENTS:
        raise Answer(413, f"More than {MOST_EVENTS} events in one request; send them in parts")
    if not raws:
        raise Answer(400, "The body holds no event", accepted=0, duplicates=0, refused=[])
    try:
        received = await host.submit(raws, SOURCE, _trace_of(request))
    except SojournError as error:
        raise _not_stored(error) from error
    return _told(received, len(raws))


def _trace_of(request: Request) -> list[tuple[str, bytes]]:
    return [(name, text.encode("latin-1")) for name in _TRACE if (text := request.headers.get(name)) is not None]


def _told(received: Received, count: int) -> Response:
    """202, or 400 when nothing in the request could be read as an event."""
    refused = [{"index": one.index, "reason": one.reason, "detail": one.detail} for one in received.refused]
    unread = sum(one.reason != "id_conflict" for one in received.refused)
    answer = {"accepted": received.accepted, "duplicates": received.duplicates, "refused": refused}
    return as_json(answer, 400 if unread == count else 202)


def _not_stored(error: SojournError) -> Answer:
    """Overload is 429, a store that is away is 503; both may be sent again as they are."""
    if isinstance(error, Overloaded):
        return Answer(429, error.what, {"Retry-After": "1"})
    return Answer(503, "The events could not be stored; send them again", {"Retry-After": "5"}, why=error.what)


async def _body(request: Request) -> bytes:
    """Read a body that is neither too large nor too slow. Raises Answer 413 and 408.

    What is too large is read on for a while and dropped, because a client that is still sending sees no answer.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > _DROPPED:
                    break
                if size > BODY_LIMIT:
                    parts.clear()
                else:
                    parts.append(part)
    except TimeoutError as error:
        raise Answer(408, f"The body did not come within {BODY_SECONDS} s") from error
    except ClientDisconnect as error:
        raise Answer(400, "The body ended early") from error
    if size > BODY_LIMIT:
        raise _too_large()
    return b"".join(parts)


def _too_large() -> Answer:
    return Answer(413, f"The body is larger than {BODY_LIMIT} bytes; send the events in parts", {"Connection": "close"})


# ---- log


async def get_log(request: Request) -> Response:
    """Give rows of the log, newest first, a page at a time."""
    host: Host = request.app.state.host
    require_key(request, host)
    given = parameters(request, _LOG_PARAMETERS)
    where, cursor, limit = log_filter(given), given.get("cursor"), _limit(given.get("limit"))
    try:
        page = await host.views.log(where, limit, cursor)
    except NeverWorks as error:
        raise Answer(400, str(error)) from error
    except SojournError as error:
        raise Answer(503, error.what, {"Retry-After": "5"}) from error
    return as_json({"rows": [row_json(row) for row in page.rows], "next": page.next})


def parameters(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """Give the parameters of an address; an unknown or doubled one is never ignored. Raises Answer 400."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            hint = did_you_mean(name, known) or f"known are {', '.join(known)}"
            raise Answer(400, f"There is no parameter `{name[:60]}`; {hint}")
        if name in given:
            raise Answer(400, f"The parameter `{name}` stands twice")
        if "\0" in value:
            raise Answer(400, f"The parameter `{name}` holds a NUL character")
        if value:
            given[name] = value
    return given


def log_filter(given: Mapping[str, str]) -> LogFilter:
    """Give the filter that parameters ask for. Raises Answer 400."""
    status, since = given.get("status"), given.get("since")
    if status is not None and status not in STATUSES:
        hint = did_you_mean(status, STATUSES) or f"there are {', '.join(STATUSES)}"
        raise Answer(400, f"There is no status `{status[:60]}`; {hint}")
    return LogFilter(
        customer_id=given.get("customer_id"),
        journey=given.get("journey"),
        status=status,
        since=None if since is None else _since(since),
    )


def _since(text: str) -> int:
    try:
        return instant_of(text)
    except (ValueError, OverflowError) as error:
        raise Answer(400, "`since` is an instant with its offset, as 2026-03-08T00:00:00Z") from error


def _limit(text: str | None) -> int:
    if text is None:
        return LOG_PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= LOG_LIMIT):
        raise Answer(400, f"`limit` is a number from 1 to {LOG_LIMIT}")
    return int(text)


# ---- health and metrics


async def healthz(request: Request) -> Response:
    """Tell that the process lives."""
    return as_json({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Tell whether it takes work, and what is degraded; 503 when it takes none."""
    host: Host = request.app.state.host
    health = await host.health()
    return as_json(health, 503 if health.get("status") == "down" else 200)


async def metrics(request: Request) -> Response:
    """Give the metrics in the text form of Prometheus."""
    host: Host = request.app.state.host
    return Response(generate_latest(host.registry), media_type=CONTENT_TYPE_LATEST)


async def told(request: Request, error: Exception) -> Response:
    """Answer what ended early."""
    assert isinstance(error, Answer)
    return error.response()


async def broken(request: Request, error: Exception) -> Response:
    """Answer an error of our own; its text stays out of the log, because it may hold a customer's values."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f"{Path(last[0].filename).name}:{last[0].lineno}" if last else "unknown"
    log.error("a request failed", address=request.scope.get("path", "")[:40], kind=type(error).__name__, at=place)
    return JSONResponse({"error": "The server made an error; its log says where"}, 500)


async def nothing_here(request: Request, error: Exception) -> Response:
    """Answer an address or a method that does not exist."""
    status = getattr(error, "status_code", 404)
    return JSONResponse({"error": getattr(error, "detail", "")}, status, getattr(error, "headers", None))
