"""A channel that answers at once: everything is accepted, or what a test says; it keeps what it was handed."""

from collections.abc import Callable

from sojourn.delivery.port import Answered, Outgoing


class InstantProvider:
    """Answers each attempt from ``reply``; by default accepts. ``sent`` holds every attempt, in order."""

    provider = "instant"

    def __init__(
        self,
        reply: Callable[[Outgoing], Answered] | None = None,
        *,
        repeatable: bool = False,
        at_once: int = 1_000,
        per_second: float | None = None,
    ) -> None:
        self._reply = reply or (lambda outgoing: Answered(kind="accepted", code="200"))
        self.repeatable, self.at_once, self.per_second = repeatable, at_once, per_second
        self.sent: list[Outgoing] = []

    async def open(self) -> None:
        """Ready."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def send(self, outgoing: Outgoing) -> Answered:
        """Keep the message and answer."""
        self.sent.append(outgoing)
        return self._reply(outgoing)
