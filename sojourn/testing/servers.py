"""Providers that misbehave on demand, on 127.0.0.1: an HTTP gateway and a mail server for tests of channels."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

Behaviour = Callable[[int], str]  # the number of the request (from 1) -> how to behave


def always(word: str) -> Behaviour:
    """Behave the same way each time."""
    return lambda number: word


class Gateway:
    """An HTTP gateway. ``got`` holds (headers, body) of every request that arrived, in order.

    Behaviours: ``ok``, ``no id``, ``broken`` (no JSON), ``slow`` (never answers), ``hang up`` (closes without an
    answer), or a status with an optional Retry-After: ``429``, ``503 7``, ``500``, ``400``.
    """

    def __init__(
        self, behaviour: Behaviour | None = None, answer: Mapping[str, Any] | None = None, delay_s: float = 0.0
    ) -> None:
        self.behaviour = behaviour or always("ok")
        self.delay_s = delay_s
        self.answer = answer
        self.got: list[tuple[Mapping[str, str], bytes]] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "Gateway":
        app = web.Application()
        app.router.add_post("/send", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/send"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.got.append((dict(request.headers), body))
        word = self.behaviour(len(self.got))
        await asyncio.sleep(self.delay_s)
        if word == "hang up":
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        if word == "slow":
            await asyncio.sleep(3600)
        if word == "broken":
            return web.Response(body=b"<html>", content_type="application/json")
        if word == "no id":
            return web.json_response({"state": "queued"})
        if word == "ok":
            answer = self.answer if self.answer is not None else {"id": f"gw-{len(self.got)}"}
            return web.Response(body=msgspec.json.encode(answer), content_type="application/json")
        status, _, wait = word.partition(" ")
        return web.Response(status=int(status), text="no", headers={"Retry-After": wait} if wait else {})


class MailServer:
    """A mail server. ``got`` holds (recipient, content) of every mail that it took.

    Behaviours, asked at the stage that they name: ``ok``, ``rcpt 550``, ``rcpt 450``, ``data 554``, ``data 451``,
    ``mail 421``, ``hang up`` (after the content, before the answer), ``slow`` (after the content).
    """

    def __init__(self, behaviour: Behaviour | None = None, delay_s: float = 0.0) -> None:
        self.behaviour = behaviour or always("ok")
        self.delay_s = delay_s
        self.got: list[tuple[str, bytes]] = []
        self.url = ""
        self.tried = 0
        self._server: asyncio.Server | None = None
        self._open: list[SMTP] = []

    async def __aenter__(self) -> "MailServer":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connected, "127.0.0.1", 0)
        self.url = f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.hang_up()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Close every connection."""
        for one in self._open:
            if one.transport is not None:
                one.transport.close()

    def _connected(self) -> SMTP:
        made = SMTP(self, hostname="mail.local", ident="test", loop=asyncio.get_running_loop(), enable_SMTPUTF8=True)
        self._open.append(made)
        return made

    def _word(self, stage: str) -> str | None:
        word = self.behaviour(self.tried)
        return f"{word.partition(' ')[2]} no" if word.startswith(stage + " ") else None

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begin a mail."""
        self.tried += 1
        envelope.mail_from = address
        return self._word("mail") or "250 ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        refused = self._word("rcpt")
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take or refuse the content."""
        refused = self._word("data")
        if refused is not None:
            return refused
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.got.append((envelope.rcpt_tos[0], content))
        word = self.behaviour(self.tried)
        await asyncio.sleep(self.delay_s)
        if word == "hang up" and server.transport is not None:
            server.transport.close()
        if word == "slow":
            await asyncio.sleep(3600)
        return "250 2.0.0 taken"
