"""The records of the output topics: what was decided, for systems that listen. Pure, a few microseconds a record.

No text, no address and nothing that a provider or a publishing system said goes out: each field stands in a
struct below, and of a row's ``detail`` only the names in ``DETAILS`` (interfaces.md, N22). The same decision gives
the same ``event_id`` however often it is written or sent, so a listener drops what it has seen.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import msgspec

from sojourn.core.model import CallOut, Note, Row
from sojourn.records import DeadLetter, Outgoing, Queued
from sojourn.rows import instant_text

MESSAGES: Final = "cj.message.sent.v1"
INSTANCES: Final = "cj.instance.v1"
WEBHOOKS: Final = "cj.webhook.v1"
DEAD_LETTERS: Final = "cj.deadletter.v1"
SOURCE: Final = "sojourn"
VERSION: Final = 1

Said = msgspec.Meta
Instant = Annotated[str, Said(description="UTC with milliseconds: 2026-06-03T08:30:18.282Z.")]
Key = Annotated[dict[str, Any], Said(description="The key of the run, without the customer.")]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One decision about a message: the row of the log without subject, text, HTML and address (N22)."""

    message_id: Annotated[str, Said(description="Derived; all rows about a message share it.")]
    customer_id: str
    journey: str
    journey_version: int
    key: Key
    step: Annotated[str | None, Said(description="Null where a journey did not begin.")]
    template: Annotated[str | None, Said(description="Of a call its name.")]
    template_version: int | None
    locale: str | None
    channel: Annotated[str | None, Said(description="sms, email or call.")]
    status: Annotated[str, Said(description="Of the closed list of statuses; the last row of a message counts.")]
    reason: Annotated[str | None, Said(description="Of the closed list of reasons; null for sent and delivered.")]
    due_at: Instant
    decided_at: Instant
    handed_over_at: Instant | None
    event_id: Annotated[str | None, Said(description="The event that led to it.")]
    trace_id: str | None
    detail: Annotated[dict[str, Any], Said(description="The values that were compared, as far as they name nobody.")]


InstanceKind = Literal["entered", "step", "goal", "exit"]


class Instance(msgspec.Struct, frozen=True, gc=False):
    """What became of a customer's way through a journey."""

    kind: Annotated[InstanceKind, Said(description="step: a message of that step, or an arm, was decided for good.")]
    run_id: Annotated[str, Said(description="Derived; one for each start of a key.")]
    journey: str
    journey_version: int | None
    key: Key
    step: Annotated[str | None, Said(description="Of kind step: the step, or the name of the experiment.")] = None
    channel: str | None = None
    arm: Annotated[str | None, Said(description="The arm of the experiment.")] = None
    status: Annotated[str | None, Said(description="Of kind step: the status of the message.")] = None
    reason: Annotated[str | None, Said(description="Why the step sent nothing, or why the run ended.")] = None
    message_id: str | None = None
    event_id: Annotated[str | None, Said(description="The event that led to it.")] = None


class Webhook(msgspec.Struct, frozen=True, gc=False):
    """A call to another system was asked for, or is over. Its arguments and the answer do not go out."""

    call_id: Annotated[str, Said(description="The idempotency key that the other system gets.")]
    name: Annotated[str | None, Said(description="As declared in schemas/calls.yaml.")]
    status: Annotated[str, Said(description="requested, or the status of the log once it is over.")]
    reason: str | None
    attempt: Annotated[int | None, Said(description="Of requested: which attempt, from 1.")]
    journey: str
    journey_version: int
    run_id: str | None
    step: str | None
    event_id: Annotated[str | None, Said(description="The event that led to it.")]
    trace_id: str | None
    detail: dict[str, Any]


class Dead(msgspec.Struct, frozen=True, gc=False):
    """A record that is no event, or work that a person must look at; `sojourn dead-letters show` has the rest."""

    reason: Annotated[str, Said(description="Of the closed list of reasons of dead letters.")]
    source: Annotated[str, Said(description="Where it came from: kafka:TOPIC/PARTITION, http, calls, timers, ...")]
    position: Annotated[int | None, Said(description="The offset of a Kafka record.")]
    event_id: str | None
    type: Annotated[str | None, Said(description="Of the event, or the name of the call.")]


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What is around each payload: the same as around the events that come in (requirements B2)."""

    event_id: str
    type: str
    schema_version: int
    occurred_at: str
    source: str
    customer_id: str | None
    payload: Message | Instance | Webhook | Dead
    trace_id: str | None = None


class Topic(msgspec.Struct, frozen=True):
    """An output topic: the type in its envelopes, the struct of its payload, what it carries."""

    name: str
    kind: str
    shape: type[msgspec.Struct]
    about: str


TOPICS: Final = (
    Topic(MESSAGES, "sojourn.message", Message, "Every decision about a message or call: the rows of the log."),
    Topic(INSTANCES, "sojourn.instance", Instance, "Runs of journeys: entered, step, goal, exit."),
    Topic(WEBHOOKS, "sojourn.webhook", Webhook, "Calls to other systems: requested, and what became of them."),
    Topic(DEAD_LETTERS, "sojourn.dead_letter", Dead, "What could not be taken and waits for a person."),
)

# ---- what of a row's detail goes out

_WORD = re.compile(r"[\w. :/()-]{1,300}", re.ASCII)
_LIMIT: Final = 400


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _condition(value: Any) -> str | None:
    return value[:_LIMIT] if isinstance(value, str) else None


def _names(value: Any) -> list[str] | str | None:
    return [str(one)[:60] for one in value[:20]] if isinstance(value, list | tuple) else _word(value)


#: The names of a row's detail that go out, each with what it lets through: the project's words, instants, counts.
DETAILS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("until", "valid_until", "next", "today", "days", "in_days", "learned_at", "attempts"), _number),
    **dict.fromkeys(("stored_to", "repeatable", "repeated"), _number),
    **dict.fromkeys(("purpose", "channel", "control", "by", "was", "ended", "cause"), _word),
    **dict.fromkeys(("code", "provider", "template", "source", "stalled_source"), _word),
    "condition": _condition,
    "missing": _names,
}


def _detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in detail.items():
        let = DETAILS.get(name)
        held = None if let is None else let(value)
        if held is not None:
            shown[name] = held
    return shown


def _key(key: Mapping[str, Any]) -> dict[str, Any]:
    """Give the key of a run; a value in the form of an address or number of a person is left out."""
    return {name: None if isinstance(value, str) and _is_address(value) else value for name, value in key.items()}


def _is_address(text: str) -> bool:
    return "@" in text or text[:1] == "+"


# ---- from decisions to records

_STEP_IS_OVER: Final = frozenset({"sent", "suppressed", "skipped", "failed", "in_doubt"})
_encode = msgspec.json.Encoder().encode
_instant = lru_cache(maxsize=8_192)(instant_text)


def records_of(
    rows: Sequence[Row], notes: Sequence[tuple[str, Note]], at: int, orders: Sequence[Queued] = ()
) -> list[Outgoing]:
    """Give the records of what a transaction has decided, in order: requested calls, starts, rows, ends.

    ``notes`` stand with their customers. ``at`` (ms) is the instant of requested calls, which carry none.
    """
    out = [_requested(one.customer, one.order, at) for one in orders if isinstance(one.order, CallOut)]
    out += [_NOTES[note.kind](customer, note, at) for customer, note in notes if note.kind in _NOTES]
    for row in rows:
        out.append(_message(row))
        if row.run_id is not None and row.status in _STEP_IS_OVER:
            out.append(_step(row))
        if row.channel == "call":
            out.append(_called(row))
    out += [_ended(customer, note, at) for customer, note in notes if note.kind == "ended"]
    return out


def records_of_letters(letters: Sequence[DeadLetter]) -> list[Outgoing]:
    """Give the records of dead letters: neither their bytes nor what was wrong with which value."""
    return [_letter(letter) for letter in letters]


def _send(
    name: str,
    topic: str,
    kind: str,
    customer: str,
    at: int,
    payload: Message | Instance | Webhook | Dead,
    trace_id: str | None = None,
) -> Outgoing:
    envelope = Envelope(name, kind, VERSION, _instant(at), SOURCE, customer or None, payload, trace_id)
    return Outgoing(id=name, topic=topic, key=customer, body=_encode(envelope))


def _message(row: Row) -> Outgoing:
    handed = row.handed_over_at
    payload = Message(
        row.message_id,
        row.customer_id,
        row.journey,
        row.journey_version,
        _key(row.key),
        row.step,
        row.template,
        row.template_version,
        row.locale,
        row.channel,
        row.status,
        row.reason,
        _instant(row.due_at),
        _instant(row.decided_at),
        None if handed is None else _instant(handed),
        row.event_id,
        row.trace_id,
        _detail(row.detail) if row.detail else {},
    )
    name = f"{row.message_id}.{row.status}.{row.decided_at}"
    return _send(name, MESSAGES, "sojourn.message", row.customer_id, row.decided_at, payload, row.trace_id)


def _step(row: Row) -> Outgoing:
    payload = Instance(
        "step",
        row.run_id or "",
        row.journey,
        row.journey_version,
        _key(row.key),
        row.step,
        row.channel,
        None,
        row.status,
        row.reason,
        row.message_id,
        row.event_id,
    )
    name = f"{row.message_id}.step.{row.status}.{row.decided_at}"
    return _send(name, INSTANCES, "sojourn.instance", row.customer_id, row.decided_at, payload, row.trace_id)


def _called(row: Row) -> Outgoing:
    payload = Webhook(
        row.message_id,
        row.template,
        row.status,
        row.reason,
        None,
        row.journey,
        row.journey_version,
        row.run_id,
        row.step,
        row.event_id,
        row.trace_id,
        _detail(row.detail) if row.detail else {},
    )
    name = f"{row.message_id}.call.{row.status}.{row.decided_at}"
    return _send(name, WEBHOOKS, "sojourn.webhook", row.customer_id, row.decided_at, payload, row.trace_id)


def _requested(customer: str, order: CallOut, at: int) -> Outgoing:
    send = order.send
    attempt = send.attempt + 1
    payload = Webhook(
        order.message_id,
        order.name,
        "requested",
        None,
        attempt,
        order.journey,
        send.version,
        order.run_id,
        order.step,
        send.cause.event_id,
        send.cause.trace_id,
        {},
    )
    name = f"{order.message_id}.call.requested.{attempt}"
    return _send(name, WEBHOOKS, "sojourn.webhook", customer, at, payload, send.cause.trace_id)


def _started(customer: str, note: Note, at: int) -> Outgoing:
    return _instance("entered", f"{note.run_id}.entered", customer, note, at)


def _ended(customer: str, note: Note, at: int) -> Outgoing:
    kind: InstanceKind = "goal" if note.goal else "exit"
    return _instance(kind, f"{note.run_id}.ended", customer, note, at, reason=note.cause)


def _arm(customer: str, note: Note, at: int) -> Outgoing:
    experiment, _, arm = (note.cause or "").partition(":")
    return _instance("step", f"{note.run_id}.arm.{experiment}", customer, note, at, step=experiment, arm=arm)


def _instance(kind: InstanceKind, name: str, customer: str, note: Note, at: int, **more: str | None) -> Outgoing:
    payload = Instance(
        kind, note.run_id or "", note.journey, note.version, _key(note.key), event_id=note.event_id, **more
    )
    return _send(name, INSTANCES, "sojourn.instance", customer, note.at or at, payload)


#: Notes that stand before the rows of their transaction; ``ended`` stands behind them.
_NOTES: Final[Mapping[str, Callable[[str, Note, int], Outgoing]]] = {
    "started": _started,
    "arm": _arm,
}


def _letter(letter: DeadLetter) -> Outgoing:
    payload = Dead(letter.reason, letter.source, letter.position, letter.event_id, letter.type)
    when = letter.arrival if letter.position is None else None  # an offset says it alone
    where = (letter.source, letter.position, letter.reason, letter.event_id, letter.customer, when)
    told = sha256(repr(where).encode() + letter.raw).hexdigest()[:32]
    return _send(f"dead.{told}", DEAD_LETTERS, "sojourn.dead_letter", letter.customer or "", letter.arrival, payload)
