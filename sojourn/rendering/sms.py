"""Knows how many segments a text takes on the air, exactly as an operator counts them.

Rules: 3GPP TS 23.038 (the 7-bit default alphabet and its extension table) and TS 23.040 (a joined
message gives six octets of each segment to its header). A text in which every character stands in the
alphabet goes out as GSM-7, any other as UCS-2. All functions are pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["gsm7", "ucs2"]

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# An extension character is sent as ESC and a second septet, so it counts two.
GSM_EXTENSION = frozenset("^{}\\[~]|€\f")
_GSM = GSM_BASIC | GSM_EXTENSION

SINGLE = {"gsm7": 160, "ucs2": 70}
JOINED = {"gsm7": 153, "ucs2": 67}


@dataclass(frozen=True, slots=True)
class SmsSize:
    """`length` in septets (gsm7) or 16-bit units (ucs2); `segments` is what the operator bills."""

    encoding: Encoding
    length: int
    segments: int


def encoding_of(text: str) -> Encoding:
    """Gives gsm7 when every character is in the default alphabet or its extension, else ucs2."""
    return "gsm7" if _GSM.issuperset(text) else "ucs2"


def units(character: str, encoding: Encoding) -> int:
    """Gives how many units one character takes: an extension character and a surrogate pair take two."""
    if encoding == "gsm7":
        return 2 if character in GSM_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def split(text: str) -> tuple[str, ...]:
    """Cuts a text into the segments that are sent; never inside an extension or a surrogate pair."""
    encoding = encoding_of(text)
    costs = [units(character, encoding) for character in text]
    if sum(costs) <= SINGLE[encoding]:
        return (text,) if text else ()
    room, used, start = JOINED[encoding], 0, 0
    parts: list[str] = []
    for index, cost in enumerate(costs):
        if used + cost > room:
            parts.append(text[start:index])
            start, used = index, 0
        used += cost
    parts.append(text[start:])
    return tuple(parts)


def measure(text: str) -> SmsSize:
    """Gives encoding, length and number of segments; an empty text takes none."""
    encoding = encoding_of(text)
    # Both short cuts are exact: only these characters count two.
    if encoding == "gsm7":
        length = len(text) + sum(map(text.count, GSM_EXTENSION))
    elif text.isascii() or max(text) <= "\uffff":
        length = len(text)
    else:
        length = sum(units(character, encoding) for character in text)
    if length <= SINGLE[encoding]:
        return SmsSize(encoding, length, 1 if text else 0)
    if length == len(text):
        return SmsSize(encoding, length, -(-length // JOINED[encoding]))
    return SmsSize(encoding, length, len(split(text)))
