"""SMS gateway, mail server and target of calls on 127.0.0.1: they remember every request and obey a mood.

A collector of traces stands beside them; it keeps what it gets, to be searched for people.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import msgspec
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

BAD: Final = 0.4  # of the requests in a bad mood
SLOW_S: Final = 2.0
USUAL_S: Final = (0.05, 0.3)  # what an answer takes
_MESSAGE_ID: Final = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE)
MOODS: Final = ("slow", "429", "500", "hang up")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: which message, by which channel, when (ms), and how it was answered."""

    key: str
    channel: str
    at: int
    word: str

    @property
    def taken(self) -> bool:
        """The provider has taken it and said so."""
        return self.word in ("ok", "slow")

    @property
    def unclear(self) -> bool:
        """The answer does not tell whether it was taken."""
        return self.word in ("500", "hang up")


class Providers:
    """All three, in this process; ``asked`` holds every request in order, ``spans`` what the collector got."""

    def __init__(self, dice: Random, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self._dice, self._answers = dice, answers
        self.mood = "ok"
        self.asked: list[Asked] = []
        self.under_way = 0
        self.spans = bytearray()
        self.sms = self.smtp = self.calls = self.collector = ""
        self._runner: web.AppRunner | None = None
        self._mail: asyncio.Server | None = None

    async def __aenter__(self) -> "Providers":
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/sms", self._take_sms)
        app.router.add_post("/calls", self._take_call)
        app.router.add_post("/v1/traces", self._take_spans)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.collector = f"http://127.0.0.1:{port}"
        self.sms, self.calls = (f"http://127.0.0.1:{port}/{name}" for name in ("sms", "calls"))
        self._mail = await asyncio.get_running_loop().create_server(self._connected, "127.0.0.1", 0)
        self.smtp = f"smtp://127.0.0.1:{self._mail.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._mail is not None:
            self._mail.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, key: str, channel: str) -> str:
        """Remember a request and give how to answer it; a slow one is answered late."""
        word = self.mood if self.mood != "ok" and self._dice.random() < BAD else "ok"
        if channel == "email" and word == "500":
            word = "429"  # a mail server says no before it has taken something, never afterwards
        self.asked.append(Asked(key, channel, time.time_ns() // 1_000_000, word))
        self.under_way += 1
        try:
            await asyncio.sleep(SLOW_S if word == "slow" else self._dice.uniform(*USUAL_S))
        finally:
            self.under_way -= 1
        return word

    async def busy(self, calls: int, seconds: float) -> None:
        """Wait until so many calls are under way, at most so long."""
        for _ in range(int(seconds / 0.01)):
            if self.under_way >= calls:
                return
            await asyncio.sleep(0.01)

    async def be(self, mood: str, seconds: float, least: int) -> None:
        """Be in a mood for a while, until at least so many requests have met it; at most five times as long."""
        began, met = time.monotonic(), len(self.asked)
        self.mood = mood
        while (passed := time.monotonic() - began) < seconds * 5:
            if passed >= seconds and sum(one.word == mood for one in self.asked[met:]) >= least:
                break
            await asyncio.sleep(0.05)
        self.mood = "ok"

    async def _take_sms(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        key = request.headers["Idempotency-Key"]
        return _said(request, await self._answer(key, "sms"), {"id": f"gw-{key}"})

    async def _take_call(self, request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read())
        return _said(request, await self._answer(body["id"], "call"), self._answers[body["call"]])

    async def _take_spans(self, request: web.Request) -> web.StreamResponse:
        self.spans += await request.read()
        return web.Response(content_type="application/x-protobuf")

    def _connected(self) -> SMTP:
        loop = asyncio.get_running_loop()
        return SMTP(self, hostname="mail.local", ident="chaos", loop=loop, enable_SMTPUTF8=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or not."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        found = _MESSAGE_ID.search(content)
        assert found is not None, "a mail without Message-ID"
        word = await self._answer(found[1].decode(), "email")
        if word == "hang up" and server.transport is not None:
            server.transport.close()
        return "451 4.3.0 later" if word == "429" else "250 2.0.0 taken"


def _said(request: web.Request, word: str, answer: Mapping[str, Any]) -> web.StreamResponse:
    if word == "hang up":
        if request.transport is not None:
            request.transport.close()
        return web.Response()
    if word == "429":
        return web.Response(status=429, text="later", headers={"Retry-After": "1"})
    if word == "500":
        return web.Response(status=500, text="no idea")
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")
