"""The HTTP application: which address is answered by whom, and what goes with every answer."""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sojourn.web import api, inbox_page, log_page, pages
from sojourn.web.host import Host

HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
ROUTES: Final = (
    ("/", inbox_page.show, ("GET",)),
    ("/inbox/mail/{number:int}", inbox_page.mail, ("GET",)),
    ("/log", log_page.show, ("GET",)),
    ("/static/console.css", pages.style, ("GET",)),
    ("/v1/events", api.post_events, ("POST",)),
    ("/v1/log", api.get_log, ("GET",)),
    ("/healthz", api.healthz, ("GET",)),
    ("/readyz", api.readyz, ("GET",)),
    ("/metrics", api.metrics, ("GET",)),
)


def make_app(host: Host, *, here_only: bool = True) -> Starlette:
    """Give the application in front of an engine.

    Args:
        host: The engine.
        here_only: It listens on this machine alone. Then requests must name this machine, so that no page of
            another site can read it; otherwise pages ask for the API key.
    """
    app = Starlette(
        routes=[Route(path, endpoint, methods=list(methods)) for path, endpoint, methods in ROUTES],
        middleware=[Middleware(_Guard, here_only=here_only)],
        exception_handlers={api.Answer: api.told, HTTPException: api.nothing_here, Exception: api.broken},
    )
    app.state.host = host
    app.state.here_only = here_only
    return app


class _Guard:
    """Adds the headers of every answer, and refuses foreign names of this machine (DNS rebinding)."""

    def __init__(self, app: ASGIApp, here_only: bool) -> None:
        self._app, self._here_only = app, here_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._here_only and not _is_this_machine(scope):
            await PlainTextResponse("This server answers to the name of this machine only.\n", 421)(
                scope, receive, send
            )
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(message)
            await send(message)

        await self._app(scope, receive, with_headers)


def _add(message: MutableMapping[str, Any]) -> None:
    headers = list(message.get("headers", ()))
    named = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in HEADERS if name not in named]
    message["headers"] = headers


def _is_this_machine(scope: Scope) -> bool:
    named = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    host = named.rpartition(":")[0] if named.rpartition(":")[2].isdigit() else named
    return host.strip("[]") in ("localhost", "::1") or host.startswith("127.")
