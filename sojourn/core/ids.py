"""Identities derived from content: the same inputs give the same ids on every replay (N8).

A message id ends with a letter for the class of its message, so that an answer to it (Q21) tells the
purpose that it withdraws without any look-up.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from re import compile as pattern
from typing import Any

import msgspec

_LETTERS = {"mandatory": "m", "service": "s", "care": "c", "marketing": "k"}
_CLASSES = {letter: klass for klass, letter in _LETTERS.items()}
_MESSAGE = pattern(r"[a-z2-7]{24}[msck]")


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(one + two for one in _ALPHABET for two in _ALPHABET)
_json = msgspec.json.Encoder().encode


def _digest(parts: Sequence[Any]) -> str:
    """Give 120 bits of the SHA-256 of the parts as JSON, in base 32, ten bits at a time."""
    number = int.from_bytes(sha256(_json(parts)).digest()[:15])
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(110, -1, -10)])


@lru_cache(maxsize=4_096)
def key_text(fields: tuple[str, ...], values: tuple[Any, ...]) -> str:
    """Give the key of a run as canonical JSON, without the customer (Q50)."""
    return json.dumps(dict(zip(fields, values, strict=True)), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def run_id(customer: str, journey: str, key: Sequence[Any], started: int, event_id: str | None) -> str:
    """Give the id of a run: one for each start of a key; ``started`` is the arrival of the event that starts it.

    Not the customer's clock: the same event makes the same ids, however late it is read.
    """
    return _digest(("run", customer, journey, list(key), started, event_id))


def message_id(run: str, step: str, anchor: str, by: Sequence[str], klass: str) -> str:
    """Give the id of a message: run, step, anchor date or seq, channel (N8)."""
    return _digest(("message", run, step, anchor, list(by))) + _LETTERS[klass]


def refusal_id(customer: str, journey: str, key: Sequence[Any], at: int) -> str:
    """Give the id of the row that tells why a run did not start (Q8)."""
    return _digest(("not_entered", customer, journey, list(key), at)) + "s"


def class_of(message: str) -> str | None:
    """Give the class of a message from its id, or None where the id is not one of ours (Q21)."""
    return _CLASSES[message[-1]] if _MESSAGE.fullmatch(message) else None


def bucket(salt: str, customer: str) -> int:
    """Give the bucket 0..99 of a customer for a control group or experiment (N18, Q14)."""
    return int(sha256(f"{salt}:{customer}".encode()).hexdigest()[:8], 16) % 100


def values_by_field(fields: Sequence[str], values: Sequence[Any]) -> Mapping[str, Any]:
    """Give a key as the object that stands in rows."""
    return dict(zip(fields, values, strict=True))
