"""The local inbox: a mail server, an SMS gateway and a receiver of calls on 127.0.0.1, met by the real adapters.

It stands in where SOJOURN_SMTP, SOJOURN_SMS or SOJOURN_CALLS are not set, so that a newcomer sees what customers
would get. It keeps the last messages, in memory and in one file that only its owner may read.
"""

import asyncio
import contextlib
import email
import os
from collections import deque
from collections.abc import Callable, Mapping
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT = 1_000
_LIMIT = 2 * 1024 * 1024


class InboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message as its receiver got it. ``kind``: sms, email or call; ``id`` is the engine's message id."""

    id: str
    kind: str
    at: int
    to: str
    sender: str = ""
    subject: str | None = None
    text: str = ""
    html: str | None = None
    headers: dict[str, str] = {}


class LocalInbox:
    """Receives on 127.0.0.1 and keeps the last messages, newest last in ``messages``.

    ``answers`` are what calls are answered, by their name. ``file``: where messages stay over a restart.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        answers: Mapping[str, Mapping[str, Any]] | None = None,
        file: Path | None = None,
    ) -> None:
        self._clock, self._answers, self._file = clock, answers or {}, file
        self.messages: deque[InboxMessage] = deque(maxlen=KEPT)
        self._ids: set[tuple[str, str]] = set()
        self._mail: asyncio.Server | None = None
        self._web: web.AppRunner | None = None
        self._out: Any = None
        self.smtp_url = self.sms_url = self.calls_url = ""

    def use(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Answer calls as the release in force declares it."""
        self._answers = answers

    async def open(self) -> None:
        """Listen on free ports and say where."""
        self._remember()
        loop = asyncio.get_running_loop()
        handler = _MailHandler(self)
        self._mail = await loop.create_server(
            lambda: SMTP(handler, hostname="inbox.local", ident="inbox", loop=loop, enable_SMTPUTF8=True),
            "127.0.0.1",
            0,
        )
        self.smtp_url = f"smtp://127.0.0.1:{self._mail.sockets[0].getsockname()[1]}"
        app = web.Application(client_max_size=_LIMIT)
        app.router.add_post("/sms", self._sms)
        app.router.add_post("/calls", self._call)
        self._web = web.AppRunner(app, access_log=None)
        await self._web.setup()
        site = web.TCPSite(self._web, "127.0.0.1", 0)
        await site.start()
        port = self._web.addresses[0][1]
        self.sms_url, self.calls_url = f"http://127.0.0.1:{port}/sms", f"http://127.0.0.1:{port}/calls"

    async def close(self) -> None:
        """Stop listening."""
        if self._mail is not None:
            self._mail.close()
        if self._web is not None:
            await self._web.cleanup()
        if self._out is not None:
            self._out.close()
            self._out = None

    def keep(self, message: InboxMessage) -> None:
        """Keep one message; the same message again (a repeated key) is kept once."""
        if (message.kind, message.id) in self._ids:
            return
        if len(self.messages) == KEPT:
            self._ids.discard((self.messages[0].kind, self.messages[0].id))
        self.messages.append(message)
        self._ids.add((message.kind, message.id))
        if self._out is not None:
            with contextlib.suppress(OSError):
                self._out.write(msgspec.json.encode(message) + b"\n")
                self._out.flush()

    # ---- inside

    def _remember(self) -> None:
        """Read what was there, shortened to what is kept."""
        if self._file is None:
            return
        decode = msgspec.json.Decoder(InboxMessage).decode
        if self._file.exists():
            for line in self._file.read_bytes().splitlines():
                with contextlib.suppress(msgspec.MsgspecError):
                    self.messages.append(decode(line))
        self._ids.update((message.kind, message.id) for message in self.messages)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self._out = os.fdopen(os.open(self._file, flags, 0o600), "wb")
        self._out.writelines(msgspec.json.encode(message) + b"\n" for message in self.messages)
        self._out.flush()

    async def _sms(self, request: web.Request) -> web.Response:
        if request.content_type == "application/x-www-form-urlencoded":
            fields: Mapping[str, Any] = {name: str(value) for name, value in (await request.post()).items()}
        else:
            fields = await _json(request)
        reference = str(fields.get("reference") or request.headers.get("Idempotency-Key", ""))
        if not fields.get("to") or not fields.get("text"):
            return web.json_response({"error": "to and text are wanted"}, status=400)
        self.keep(
            InboxMessage(id=reference, kind="sms", at=self._clock(), to=str(fields["to"]), text=str(fields["text"]))
        )
        return web.json_response({"id": f"local-{reference}"})

    async def _call(self, request: web.Request) -> web.Response:
        fields = await _json(request)
        name = str(fields.get("call", ""))
        self.keep(
            InboxMessage(
                id=str(fields.get("id", "")),
                kind="call",
                at=self._clock(),
                to=name,
                text=msgspec.json.format(msgspec.json.encode(fields.get("arguments", {}))).decode(),
                headers={name: value for name, value in request.headers.items() if name.startswith("webhook-")},
            )
        )
        body = msgspec.json.encode(self._answers.get(name, {}), enc_hook=str)
        return web.Response(body=body, content_type="application/json")


async def _json(request: web.Request) -> Mapping[str, Any]:
    try:
        content = msgspec.json.decode(await request.read())
    except msgspec.MsgspecError:
        return {}
    return content if isinstance(content, dict) else {}


class _MailHandler:
    """What the mail server does with a mail."""

    def __init__(self, inbox: LocalInbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail; the name is the mail server's."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self._inbox.keep(_read(email.message_from_bytes(content), ", ".join(envelope.rcpt_tos), self._inbox._clock()))
        return "250 2.0.0 kept in the local inbox"


def _read(mail: Message, to: str, at: int) -> InboxMessage:
    parts: dict[str, str] = {}
    for part in mail.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            parts.setdefault(part.get_content_type(), content.decode("utf-8", "replace"))
    headers = {name: str(make_header(decode_header(str(value)))) for name, value in mail.items()}
    return InboxMessage(
        id=headers.get("Message-ID", "").strip("<>").partition("@")[0],
        kind="email",
        at=at,
        to=to,
        sender=headers.get("From", ""),
        subject=headers.get("Subject", ""),
        text=parts.get("text/plain", ""),
        html=parts.get("text/html"),
        headers=headers,
    )
