"""SMS by a gateway that speaks HTTP: the generic adapter (interfaces.md, "SMS gateway")."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

import msgspec

from sojourn.channels.web import Web, trace_header
from sojourn.delivery.port import Answered, Outgoing


@dataclass(frozen=True, slots=True)
class SmsGateway:
    """How a gateway wants it.

    Attributes:
        url: Where messages are posted.
        encoding: ``json`` or ``form``.
        fields: Names of ``to``, ``text`` and ``reference`` in the request, and of ``id`` in the answer.
        extra: Fields that go with every message, such as an account.
        headers: Headers that go with every request, such as a token.
        honours_key: The gateway takes a repeated Idempotency-Key for the same message.
    """

    url: str
    encoding: Literal["json", "form"] = "json"
    fields: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    honours_key: bool = False
    at_once: int = 64
    per_second: float | None = None
    timeout_s: float = 10.0


class Sms:
    """Posts each message once and reads what the gateway says."""

    provider = "sms"

    def __init__(self, gateway: SmsGateway) -> None:
        self._gateway = gateway
        self._names = {name: gateway.fields.get(name, name) for name in ("to", "text", "reference", "id")}
        self._web = Web(
            gateway.url, timeout_s=gateway.timeout_s, at_once=gateway.at_once, repeatable=gateway.honours_key
        )

    @property
    def at_once(self) -> int:
        """How many requests run side by side."""
        return self._gateway.at_once

    @property
    def per_second(self) -> float | None:
        """How many messages a second the gateway takes."""
        return self._gateway.per_second

    @property
    def repeatable(self) -> bool:
        """Whether the gateway honours the key."""
        return self._gateway.honours_key

    async def open(self) -> None:
        """Make ready."""
        await self._web.open()

    async def close(self) -> None:
        """Give connections back."""
        await self._web.close()

    async def send(self, outgoing: Outgoing) -> Answered:
        """Hand one message over. 2xx without an id is no proof of anything: unknown."""
        body, kind = self._body(outgoing)
        headers = {
            **trace_header(outgoing.traceparent),
            **self._gateway.headers,
            "Content-Type": kind,
            "Accept": "application/json",
            "Idempotency-Key": outgoing.message_id,
        }
        said = await self._web.post(body, headers)
        if isinstance(said, Answered):
            return said
        if not 200 <= said.status < 300:
            return said.not_accepted(self.repeatable, outgoing.at)
        answer = said.json()
        given = answer.get(self._names["id"]) if isinstance(answer, dict) else None
        if not isinstance(given, str | int) or given == "":
            return Answered(kind="unknown", code="no id", text=said.text, repeatable=self.repeatable)
        return Answered(kind="accepted", code=str(said.status), text=said.text, reference=str(given))

    def _body(self, outgoing: Outgoing) -> tuple[bytes, str]:
        names = self._names
        fields = {
            names["to"]: outgoing.address,
            names["text"]: outgoing.text,
            names["reference"]: outgoing.message_id,
            **self._gateway.extra,
        }
        if self._gateway.encoding == "form":
            return urlencode(fields).encode(), "application/x-www-form-urlencoded"
        return msgspec.json.encode(fields), "application/json"
