"""What delivery asks of a channel: one method, one closed vocabulary of answers.

Adapters live in sojourn/channels, one small file a provider. An adapter never raises for what a provider or a
network does: it says what is known. What is not known is ``unknown`` and never a guess.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

Kind = Literal["accepted", "refused", "not_taken", "unknown"]
Concerns = Literal["provider", "rate", "message"]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message or call, complete, as a channel gets it; ``message_id`` is the stable key of all attempts.

    ``subject`` and ``html`` belong to e-mails, ``arguments`` and ``name`` to calls. ``unsubscribe`` is a link
    for one-click withdrawal (RFC 8058), only for messages that need consent. ``at`` is the wall clock, ms.
    ``traceparent`` names the trace to the other system (W3C), empty where there is none.
    """

    message_id: str
    channel: str
    at: int
    address: str = ""
    locale: str = ""
    subject: str | None = None
    text: str = ""
    html: str | None = None
    unsubscribe: str | None = None
    name: str = ""
    arguments: Mapping[str, Any] = {}
    about: Mapping[str, Any] = {}
    traceparent: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider said to one attempt.

    Attributes:
        kind: ``accepted``: the provider has it. ``refused``: never, for this message. ``not_taken``: it certainly
            has not got it, later may go well. ``unknown``: it may have it (hung up, timed out, 5xx).
        code: The provider's status, as it came: an HTTP or SMTP code, or the name of the failure.
        text: The provider's raw answer, bounded; for people, sealed in the store.
        reference: The provider's id of the message.
        concerns: What a ``not_taken`` is about. ``provider``: it may be dead. ``rate``: it lives and wants fewer
            (429, 503 with Retry-After). ``message``: it lives, only this one has to wait (grey-listing).
        retry_after_ms: How long the provider wants to be left alone.
        repeatable: The provider honours the key, so an ``unknown`` may be asked again (Q27).
        body: The answer of a call, JSON-plain.
    """

    kind: Kind
    code: str
    text: str | None = None
    reference: str | None = None
    concerns: Concerns = "provider"
    retry_after_ms: int | None = None
    repeatable: bool = False
    body: Any = None


class Channel(Protocol):
    """One way out. ``provider`` names it in attempts; at most ``at_once`` sends run side by side.

    ``per_second`` bounds the rate (None: unbounded). ``repeatable`` says that the provider honours the key.
    """

    @property
    def provider(self) -> str: ...
    @property
    def at_once(self) -> int: ...
    @property
    def per_second(self) -> float | None: ...
    @property
    def repeatable(self) -> bool: ...

    async def open(self) -> None:
        """Make ready; connects to nobody yet."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...

    async def send(self, outgoing: Outgoing) -> Answered:
        """Hand one message over and tell what is known; bounded in time, raises nothing but cancellation."""
        ...
