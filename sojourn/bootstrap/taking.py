"""What a worker takes in: events over HTTP and records of Kafka become inputs that are stored, decided and counted."""

from collections.abc import Awaitable, Callable, Sequence

from sojourn.bootstrap.counting import count_applied
from sojourn.bootstrap.host import Host
from sojourn.bootstrap.intake_queue import IntakeQueue, Received
from sojourn.bootstrap.traceparent import Headers, following
from sojourn.core.model import Event
from sojourn.errors import TryLater
from sojourn.intake.apply import Applied, Incoming, Reading, apply_events, apply_records
from sojourn.intake.decode import decode


class Taking:
    """The way in: nothing is acknowledged before it is stored."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._queue = IntakeQueue(self._apply_now)

    @property
    def waiting(self) -> int:
        """How many inputs of HTTP wait to be stored."""
        return self._queue.waiting

    async def submit(self, raws: Sequence[bytes], source: str, headers: Headers = ()) -> Received:
        """Store events that came over HTTP; when it returns they are stored and decided.

        Args:
            raws: One envelope each, as bytes.
            source: How they came.
            headers: Of the request; an event that names no trace belongs to theirs.

        Raises:
            Overloaded: Too many wait; nothing was stored.
            TryLater: The store is away; send them again.
        """
        catalogue, now = self._host.edition.project.catalogue, self._host.clock()
        follow = following if self._host.tracing is None else self._host.tracing.follow
        incoming = []
        for raw in raws:
            read = decode(raw, catalogue, now)
            read = follow(read, headers) if isinstance(read, Event) else read
            incoming.append(Incoming(raw=raw, read=read, source=source))
        return await self._queue.submit(incoming) if incoming else Received(0, 0)

    async def run_once(self) -> int:
        """Store one batch of what came over HTTP, and give how many it held."""
        return await self._queue.run_once()

    def close(self, why: TryLater) -> None:
        """Take nothing over HTTP any more."""
        self._queue.close(why)

    async def apply(self, incoming: Sequence[Incoming], reading: Reading) -> Applied:
        """Store and decide records of Kafka.

        Raises:
            TryLater: Nothing was stored; the same records come again.
        """
        host = self._host
        applied = await self._counted(
            incoming,
            lambda: apply_records(host.store, host.deciding, incoming, reading, quarantined=host.quarantine.customers),
        )
        if incoming:
            oldest = min(one.stamp or 0 for one in incoming)
            host.metrics.decision_seconds.observe(max(0, host.clock() - oldest) / 1000)
        return applied

    async def _apply_now(self, incoming: Sequence[Incoming]) -> Applied:
        host = self._host
        return await self._counted(
            incoming, lambda: apply_events(host.store, host.deciding, incoming, quarantined=host.quarantine.customers)
        )

    async def _counted(self, incoming: Sequence[Incoming], apply: Callable[[], Awaitable[Applied]]) -> Applied:
        host = self._host
        began = host.clock()
        try:
            applied = await apply()
        except Exception as error:
            host.trouble.note(error, "intake")
            raise
        host.trouble.works("intake", wrote=True)
        host.quarantine.add(applied.broken)
        count_applied(host.metrics, applied, (host.clock() - began) / 1000)
        if host.tracing is not None:
            host.tracing.decided(incoming, applied, began)
        host.metrics.intake_queue.set(self._queue.waiting)
        host.metrics.quarantined.set(len(host.quarantine.customers))
        return applied
