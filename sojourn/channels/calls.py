"""Calls to other systems: one signed POST, idempotent by its id (B2; the header form of Standard Webhooks)."""

import base64
import hmac
from dataclasses import dataclass

import msgspec

from sojourn.channels.web import Web, trace_header
from sojourn.delivery.port import Answered, Outgoing


@dataclass(frozen=True, slots=True)
class CallTarget:
    """Where calls go, and the secret that signs them."""

    url: str
    secret: bytes
    at_once: int = 16
    per_second: float | None = None
    timeout_s: float = 10.0


def sign(secret: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """Give the signature of a call: ``v1,`` and the base64 of HMAC-SHA-256 over ``id.seconds.body``."""
    content = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, content, "sha256")).decode()


def is_genuine(secret: bytes, headers: "msgspec.Raw | dict[str, str]", body: bytes) -> bool:
    """Tell whether a call is signed with the secret; for those who receive calls, and for tests."""
    if not isinstance(headers, dict):
        return False
    try:
        seconds = int(headers["webhook-timestamp"])
        wanted = sign(secret, headers["webhook-id"], seconds, body)
        return any(hmac.compare_digest(wanted, one) for one in headers["webhook-signature"].split(" "))
    except (KeyError, ValueError):
        return False


class Calls:
    """Posts each call once. What is not 2xx was not done; the host tries again later."""

    provider = "calls"
    repeatable = True

    def __init__(self, target: CallTarget) -> None:
        self._target = target
        self._web = Web(target.url, timeout_s=target.timeout_s, at_once=target.at_once, repeatable=True)

    @property
    def at_once(self) -> int:
        """How many requests run side by side."""
        return self._target.at_once

    @property
    def per_second(self) -> float | None:
        """How many calls a second the other side takes."""
        return self._target.per_second

    async def open(self) -> None:
        """Make ready."""
        await self._web.open()

    async def close(self) -> None:
        """Give connections back."""
        await self._web.close()

    async def send(self, outgoing: Outgoing) -> Answered:
        """Make one call; the answer's JSON, if there is any, comes back as ``body``."""
        body = msgspec.json.encode(
            {"id": outgoing.message_id, "call": outgoing.name, "arguments": outgoing.arguments, **outgoing.about}
        )
        seconds = outgoing.at // 1000
        said = await self._web.post(
            body,
            {
                **trace_header(outgoing.traceparent),
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Idempotency-Key": outgoing.message_id,
                "webhook-id": outgoing.message_id,
                "webhook-timestamp": str(seconds),
                "webhook-signature": sign(self._target.secret, outgoing.message_id, seconds, body),
            },
        )
        if isinstance(said, Answered):
            return said
        if not 200 <= said.status < 300:
            return said.not_accepted(True, outgoing.at)
        return Answered(kind="accepted", code=str(said.status), text=said.text, body=said.json())
