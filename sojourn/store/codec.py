"""How values are written into the store: msgpack of the core's own structs, typed values kept typed.

msgpack knows neither decimals nor dates, so both travel as marked extensions: what a template gets after a
restart is what decide had given. Parts of the state are in wire form and need no marks.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.msgpack import Decoder, Encoder, Ext

from sojourn.core.model import FORMAT, CallOut, Deliver, Hot, Memory, Profile, Run
from sojourn.ports import StoreBroken

Part = Hot | Profile | Memory | Run
Reader = Callable[[bytes], Any]
_DECIMAL, _DATE = 1, 2
_encode = Encoder().encode


def pack(part: Any) -> bytes:
    """Encode a part of the state, or any value in wire form."""
    return _encode(part)


# One table of readers for each format that this release reads: its own, and while a change of format is being
# rolled out also the one before and the one after (expand, then contract). Writers write FORMAT only.
READERS: Mapping[int, Mapping[str, Reader]] = {
    FORMAT: {
        "hot": Decoder(Hot).decode,
        "profile": Decoder(Profile).decode,
        "memory": Decoder(Memory).decode,
        "run": Decoder(Run).decode,
    }
}


def unpack_part(kind: str, form: int, body: bytes, readers: Mapping[int, Mapping[str, Reader]] = READERS) -> Any:
    """Decode a part by the reader of its format. Raises StoreBroken where this release has none."""
    known = readers.get(form)
    if known is None:
        raise StoreBroken(
            "A customer is stored in a format that this release does not read",
            format=form,
            readable=sorted(readers),
            next_step="Start the release that wrote it, or one next to it.",
        )
    return known[kind](body)


def pack_typed(value: Any) -> bytes:
    """Encode a value whose decimals and dates come back as decimals and dates."""
    return _encode(_marked(value))


def unpack_typed(body: bytes) -> Any:
    """Decode what ``pack_typed`` wrote; tuples and sets come back as lists."""
    return _typed.decode(body)


def pack_order(order: Deliver | CallOut) -> bytes:
    """Encode an order with its typed values."""
    if isinstance(order, Deliver):
        return _encode(msgspec.structs.replace(order, values=_marked(order.values)))
    return _encode(msgspec.structs.replace(order, arguments=_marked(order.arguments)))


def unpack_order(kind: str, body: bytes) -> Deliver | CallOut:
    """Decode an order; ``kind`` is ``deliver`` or ``call``."""
    return _deliver.decode(body) if kind == "deliver" else _call.decode(body)


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _marked(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if type(value) is dict:
        return {name: item if type(item) in _PLAIN else _marked(item) for name, item in value.items()}
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {name: _marked(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_marked(item) for item in value)
    if isinstance(value, Decimal):
        return Ext(_DECIMAL, str(value).encode())
    if isinstance(value, date):
        return Ext(_DATE, value.isoformat().encode())
    return value


def _unmarked(code: int, data: memoryview) -> Any:
    text = bytes(data).decode()
    return Decimal(text) if code == _DECIMAL else date.fromisoformat(text)


_typed = Decoder(Any, ext_hook=_unmarked)
_deliver = Decoder(Deliver, ext_hook=_unmarked)
_call = Decoder(CallOut, ext_hook=_unmarked)
