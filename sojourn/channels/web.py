"""One bounded HTTP request and what is certain after it; shared by the adapters that speak HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from sojourn.delivery.port import Answered, Concerns

ANSWER_LIMIT = 64 * 1024
_TEXT_LIMIT = 2_000
_WAIT_LIMIT_MS = 86_400_000
_UNREAD_WAIT_MS = 60_000


def wait_ms(retry_after: str, now: int) -> int:
    """Give how long a Retry-After asks to wait, in ms, from 0 to a day (RFC 9110, 10.2.3).

    Seconds, or an HTTP date in any of its three forms, counted from ``now``. What is neither counts as a minute.
    """
    try:
        wait = round(float(retry_after) * 1000)
    except OverflowError:
        return _UNREAD_WAIT_MS
    except ValueError:
        until = _instant(retry_after)
        if until is None:
            return _UNREAD_WAIT_MS
        wait = until - now
    return max(0, min(wait, _WAIT_LIMIT_MS))


def _instant(date: str) -> int | None:
    """Read an HTTP date; one without a zone (the asctime form) is UTC."""
    try:
        read: datetime = parsedate_to_datetime(date)
        return round((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def trace_header(traceparent: str) -> dict[str, str]:
    """Give the header that names the trace to the other system, none where there is none."""
    return {"traceparent": traceparent} if traceparent else {}


class Web:
    """A pool of connections to one provider. ``timeout_s`` bounds a request, ``at_once`` the connections."""

    def __init__(self, url: str, *, timeout_s: float, at_once: int, repeatable: bool) -> None:
        self.url, self.timeout_s, self.at_once, self.repeatable = url, timeout_s, at_once, repeatable
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; connects to nobody yet."""
        # A short keep-alive: a connection that the other side closes while we write would be an unknown outcome.
        connector = aiohttp.TCPConnector(limit=self.at_once, keepalive_timeout=4)
        timeout = aiohttp.ClientTimeout(total=self.timeout_s, sock_connect=min(5.0, self.timeout_s))
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> "Answered | Said":
        """Post once; give the HTTP answer, or what is certain when there is none.

        Not connected: ``not_taken``. Hung up or timed out afterwards: ``unknown``.
        """
        if self._session is None:
            return Answered(kind="not_taken", code="closed")
        try:
            async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                content = await answer.content.read(ANSWER_LIMIT)
                return Said(answer.status, content, answer.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            return Answered(kind="not_taken", code=type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answered(kind="unknown", code=type(error).__name__, repeatable=self.repeatable)


class Said:
    """An HTTP answer as it came."""

    __slots__ = ("content", "retry_after", "status")

    def __init__(self, status: int, content: bytes, retry_after: str | None) -> None:
        self.status, self.content, self.retry_after = status, content, retry_after

    @property
    def text(self) -> str:
        """The body for people, bounded."""
        return self.content[:_TEXT_LIMIT].decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None

    def not_accepted(self, repeatable: bool, now: int) -> Answered:
        """Read an answer that is not 2xx (interfaces.md, "SMS gateway"). ``now``: when it was asked, ms."""
        code = str(self.status)
        throttled = self.status == 429 or (self.status == 503 and self.retry_after is not None)
        if throttled or self.status < 400:
            wait = None if self.retry_after is None else wait_ms(self.retry_after, now)
            concerns: Concerns = "rate" if throttled else "provider"
            return Answered(kind="not_taken", code=code, text=self.text, concerns=concerns, retry_after_ms=wait)
        if self.status < 500:
            return Answered(kind="refused", code=code, text=self.text)
        return Answered(kind="unknown", code=code, text=self.text, repeatable=repeatable)
