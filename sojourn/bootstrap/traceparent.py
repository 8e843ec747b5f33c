"""Which trace an event belongs to: its publisher's own, or one that anybody can work out from its id (W3C).

No state keeps a trace. The log keeps the trace id that came with an event; every process makes the same ids of it, so
what one worker reads and another one sends weeks later lies in one trace.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from sojourn.core.model import Event

_PARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_HEADERS: Final = ("traceparent", "ce_traceparent", "ce-traceparent")  # plain, CloudEvents in Kafka, over HTTP
_LONGEST: Final = 200
_ALL: Final = 1 << 64

Headers = Iterable[tuple[str, bytes]]
Place = tuple[str, str]  # trace id and span id, hexadecimal


def parse(text: str) -> Place | None:
    """Give trace id and span id of a traceparent, or None where it is none."""
    found = _PARENT.fullmatch(text.strip().lower()) if len(text) <= _LONGEST else None
    if found is None or text.lower().startswith("ff") or not int(found[1], 16) or not int(found[2], 16):
        return None
    return found[1], found[2]


def of_headers(headers: Headers) -> Place | None:
    """Give what the headers of a record or a request say of its trace."""
    for name, value in headers:
        if name.lower() in _HEADERS and (place := parse(value.decode("ascii", "replace"))) is not None:
            return place
    return None


def following(event: Event, headers: Headers) -> Event:
    """Give an event the trace id of the header that came with it, unless its envelope names one."""
    place = of_headers(headers) if event.trace_id is None else None
    return event if place is None else msgspec.structs.replace(event, trace_id=place[0])


def trace_of(trace_id: str | None, otherwise: str) -> str:
    """Give the W3C trace id, 32 hexadecimal digits.

    Args:
        trace_id: What the event's envelope or the log says: a W3C trace id, a UUID, a whole traceparent, or any
            text, of which it is the beginning of the SHA-256.
        otherwise: The id of the event, for one that names no trace.
    """
    if trace_id is None:
        return _digest(otherwise)[:32]
    plain = trace_id.lower().replace("-", "")
    if _TRACE.fullmatch(plain) and int(plain, 16):
        return plain
    place = parse(trace_id)
    return place[0] if place is not None else _digest(trace_id)[:32]


def span_of(*parts: str) -> str:
    """Give the id of a span from what it is about: the same in every process and at every try, 16 digits."""
    return _digest("\0".join(parts))[:16]


def is_chosen(trace: str, share: float) -> bool:
    """Tell whether a trace is among the share that is told: by its id alone, so alike in every process."""
    return int(trace[16:], 16) < share * _ALL


def parent_text(place: Place, chosen: bool) -> str:
    """Give the header for the next system."""
    return f"00-{place[0]}-{place[1]}-{'01' if chosen else '00'}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
