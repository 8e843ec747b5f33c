"""Traces from record to provider, by OpenTelemetry: one trace an event, spans written when what they tell is over.

Nothing here takes part in the work. A span is made of what the work has told anyway, after it, and no context travels
through the code; without ``SOJOURN_TRACES`` there is no object of this module. What a span may say is a closed list:
types, names of the project, states and ids that the engine has made. Nothing of a customer is in it, not even the id
of an event, which its publisher makes.
"""

import asyncio
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from sojourn.bootstrap.traceparent import (
    Headers,
    Place,
    following,
    is_chosen,
    of_headers,
    parent_text,
    span_of,
    trace_of,
)
from sojourn.core.model import Deliver, Event
from sojourn.delivery.claim import Given
from sojourn.delivery.port import Answered, Channel, Outgoing
from sojourn.delivery.send import Result
from sojourn.delivery.settle import SettledBatch
from sojourn.delivery.worker import Listener
from sojourn.intake.apply import Applied, Incoming
from sojourn.kafka.quiet import quiet
from sojourn.records import Leased

NAME: Final = "sojourn"
#: All that a span may say; tests compare what was exported with it.
ATTRIBUTES: Final = frozenset(
    f"sojourn.{name}"
    for name in (
        "type", "source", "fate", "reason", "events", "rows",
        "message_id", "journey", "step", "class", "channel", "attempt", "outcome", "code",
    )
)  # fmt: skip
_CODE: Final = re.compile(r"[A-Za-z0-9 _.]{1,40}")
_NS: Final = 1_000_000
_MOST_LINKS: Final = 128
_CLOSE_S: Final = 1.0

Say = str | int


class _Ids(IdGenerator):
    """Gives the ids that the next span is to have; random ones where none are set."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.trace = self.span = 0

    def generate_trace_id(self) -> int:
        return self.trace or self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        return self.span or self._random.generate_span_id()


class _Flight(msgspec.Struct, frozen=True):
    """One attempt under way: its trace, the span of the event that led to it, and its own."""

    trace: str
    cause: str
    span: str
    chosen: bool


class Tracing:
    """Writes the spans of one worker.

    Args:
        share: Share of the traces that are told, above 0 and at most 1.
        worker: The worker's name.
        clock: Milliseconds UTC.
        exporter: Where spans go; by default where the OTEL_EXPORTER_OTLP variables say.
    """

    def __init__(
        self, share: float, worker: str, clock: Callable[[], int], exporter: SpanExporter | None = None
    ) -> None:
        quiet(("opentelemetry",))  # a collector that is away is worth one line now and then
        self.share, self._clock = share, clock
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create({"service.name": NAME, "service.instance.id": worker}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(NAME)
        self._heard: dict[str, Place] = {}
        self._flights: dict[str, _Flight] = {}
        self._ended: deque[tuple[Result, _Flight | None]] = deque()

    async def close(self) -> None:
        """Send what is left, for a moment; a collector that is away holds nothing up."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=end, name="traces", daemon=True).start()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await done.wait()
        except TimeoutError:
            return

    # ---- the way in

    def follow(self, event: Event, headers: Headers) -> Event:
        """Give an event its trace, and remember which span published it until the batch is decided."""
        followed = following(event, headers)
        place = of_headers(headers)
        if place is not None and self._is_chosen(trace_of(followed.trace_id, followed.id)):
            self._heard[followed.id] = place
        return followed

    def decided(self, incoming: Sequence[Incoming], applied: Applied, began: int) -> None:
        """Tell of a batch that is stored: the way of each chosen event, and the batch with links to them."""
        now = self._clock()
        links = []
        for one, fate in zip(incoming, applied.fates, strict=True):
            event = one.read
            if isinstance(event, Event) and self._is_chosen(trace := trace_of(event.trace_id, event.id)):
                links.append(self._event(event, trace, one, fate, began, now))
        self._heard.clear()
        if links:
            says: dict[str, Say] = {"events": len(incoming), "rows": applied.rows}
            self._span("sojourn.batch", began, now, says, links=links[:_MOST_LINKS])

    def _event(self, event: Event, trace: str, one: Incoming, fate: str, began: int, now: int) -> Place:
        first = fate not in ("duplicate", "conflict")
        place = (trace, span_of(event.id) if first else span_of(event.id, one.source, str(one.position), str(began)))
        start = min(one.stamp if one.stamp is not None else began, began)
        heard = self._heard.get(event.id)
        says: dict[str, Say] = {"type": event.type, "source": one.source, "fate": fate}
        parent = heard if heard is not None and heard[0] == trace else None
        links = [heard] if heard is not None and parent is None else []
        self._span("sojourn.event", start, now, says, own=place, parent=parent, links=links, kind=SpanKind.CONSUMER)
        if one.stamp is not None:
            self._span("sojourn.read", start, began, {"type": event.type, "source": one.source}, parent=place)
        self._span("sojourn.decide", began, now, {"type": event.type, "fate": fate}, parent=place)
        return place

    # ---- the way out

    def listener(self, inner: Listener) -> Listener:
        """Give a listener that tells the spans of deliveries, too."""
        return _Listening(self, inner)

    def channels(self, channels: Mapping[str, Channel]) -> Mapping[str, Channel]:
        """Give channels that name the trace to the provider."""
        return MappingProxyType({name: _Traced(self, channel) for name, channel in channels.items()})

    def parent_of(self, message_id: str) -> str:
        """Give the traceparent of an attempt under way."""
        flight = self._flights.get(message_id)
        return parent_text((flight.trace, flight.span), flight.chosen) if flight is not None else ""

    def claimed(self, given: Given) -> None:
        """Tell of orders that were leased."""
        now = self._clock()
        for leased in given.orders:
            cause = leased.order.send.cause
            event_id = cause.event_id or leased.message_id
            trace = trace_of(cause.trace_id, event_id)
            span = span_of("send", leased.message_id, str(leased.attempt))
            flight = _Flight(trace, span_of(event_id), span, self._is_chosen(trace))
            self._flights[leased.message_id] = flight
            if flight.chosen:
                self._span("sojourn.claim", min(given.now, now), now, _about(leased), parent=(trace, flight.cause))

    def ended(self, result: Result) -> None:
        """Tell of an attempt that ended."""
        leased, said = result.leased, result.answered
        flight = self._flights.pop(leased.message_id, None)
        self._ended.append((result, flight if flight is not None and flight.chosen else None))
        if flight is None or not flight.chosen:
            return
        says = _about(leased) | {"outcome": "unrendered" if said is None else said.kind}
        if said is not None and _CODE.fullmatch(said.code):
            says["code"] = said.code
        well = said is not None and said.kind in ("accepted", "not_taken")
        cause, own = (flight.trace, flight.cause), (flight.trace, flight.span)
        kind = SpanKind.CLIENT
        self._span("sojourn.send", result.started, result.ended, says, own=own, parent=cause, kind=kind, well=well)

    def settled(self, count: int) -> None:
        """Tell of attempts that are recorded now: the oldest that ended."""
        now = self._clock()
        for _ in range(min(count, len(self._ended))):
            result, flight = self._ended.popleft()
            if flight is not None:
                cause = (flight.trace, flight.cause)
                self._span("sojourn.settle", result.ended, now, _about(result.leased), parent=cause)

    # ---- inside

    def _is_chosen(self, trace: str) -> bool:
        return is_chosen(trace, self.share)

    def _span(
        self,
        name: str,
        start: int,
        end: int,
        says: Mapping[str, Say],
        *,
        own: Place | None = None,
        parent: Place | None = None,
        links: Sequence[Place] = (),
        kind: SpanKind = SpanKind.INTERNAL,
        well: bool = True,
    ) -> None:
        self._ids.trace, self._ids.span = (int(own[0], 16), int(own[1], 16)) if own is not None else (0, 0)
        around = set_span_in_context(NonRecordingSpan(_context(parent))) if parent is not None else None
        span = self._tracer.start_span(
            name,
            context=around,
            kind=kind,
            attributes={f"sojourn.{word}": value for word, value in says.items()},
            links=[Link(_context(place)) for place in links],
            start_time=start * _NS,
        )
        if not well:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=max(start, end) * _NS)


class _Listening:
    """Passes on what a delivery tells, and tells the spans of it."""

    def __init__(self, tracing: Tracing, inner: Listener) -> None:
        self._tracing, self._inner = tracing, inner

    def claimed(self, given: Given) -> None:
        """Orders were leased."""
        self._tracing.claimed(given)
        self._inner.claimed(given)

    def ended(self, result: Result) -> None:
        """An attempt ended."""
        self._tracing.ended(result)
        self._inner.ended(result)

    def settled(self, batch: SettledBatch) -> None:
        """Results were recorded."""
        self._tracing.settled(batch.settled + batch.lost)
        self._inner.settled(batch)


class _Traced:
    """A channel that gives each message the traceparent of its attempt."""

    def __init__(self, tracing: Tracing, inner: Channel) -> None:
        self._tracing, self._inner = tracing, inner

    @property
    def provider(self) -> str:
        """The name of the provider."""
        return self._inner.provider

    @property
    def at_once(self) -> int:
        """How many sends run side by side."""
        return self._inner.at_once

    @property
    def per_second(self) -> float | None:
        """How many messages a second it takes."""
        return self._inner.per_second

    @property
    def repeatable(self) -> bool:
        """Whether the provider honours the key."""
        return self._inner.repeatable

    async def open(self) -> None:
        """Make ready."""
        await self._inner.open()

    async def close(self) -> None:
        """Give connections back."""
        await self._inner.close()

    async def send(self, outgoing: Outgoing) -> Answered:
        """Hand one message over."""
        parent = self._tracing.parent_of(outgoing.message_id)
        return await self._inner.send(msgspec.structs.replace(outgoing, traceparent=parent))


def _about(leased: Leased) -> dict[str, Say]:
    order = leased.order
    says: dict[str, Say] = {
        "message_id": leased.message_id,
        "journey": order.send.journey,
        "step": order.send.step,
        "channel": leased.channel,
        "attempt": leased.attempt,
    }
    return says | {"class": order.klass} if isinstance(order, Deliver) else says


def _context(place: Place) -> SpanContext:
    return SpanContext(int(place[0], 16), int(place[1], 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
