"""From the body of a POST to one envelope for each event: JSON, NDJSON and CloudEvents (interfaces.md, HTTP). Pure.

Nothing is refused here but what cannot be told apart into events: whatever looks like one goes on as it came, so
that it ends in the dead letters with its bytes. Which attributes of a CloudEvent count: `definitions/cloudevents.py`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from sojourn.definitions.cloudevents import STRUCTURED, as_envelope, attribute

_raws = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CLOUD_BATCH: Final = "application/cloudevents-batch+json"
_LINES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines")


def split(body: bytes, headers: Mapping[str, str]) -> list[bytes]:
    """Give the bytes of each event in a body; a body that cannot be told apart comes back as one.

    Args:
        body: As it came.
        headers: With small letters; the content type, and the ``ce-`` headers of a CloudEvent in binary mode.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-specversion" in headers:
        return [_binary(body, headers)]
    if kind == STRUCTURED:
        return [_structured(body)]
    if kind in _LINES:
        return [line for line in body.split(b"\n") if line.strip()]
    parts = _array(body)
    return [_structured(part) for part in parts] if kind == _CLOUD_BATCH else parts


def _array(body: bytes) -> list[bytes]:
    """Give the elements of an array, or the body itself where it is no array."""
    if body.lstrip()[:1] != b"[":
        return [body]
    try:
        return [bytes(raw) for raw in _raws.decode(body)]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _apart(body.strip()) or [body]


_MARK = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)


def _apart(body: bytes) -> list[bytes]:
    """Cut an array of which an element is too deep or no JSON, so that the others are taken; [] where none can tell."""
    parts: list[bytes] = []
    depth, begin = 0, 1
    for mark in _MARK.finditer(body):
        sign = mark.group()
        if sign in (b"[", b"{"):
            depth += 1
        elif sign in (b"]", b"}"):
            depth -= 1
        last = depth == 0 and sign == b"]"
        if last or (depth == 1 and sign == b","):
            parts.append(body[begin : mark.start()].strip())
            begin = mark.end()
        if depth <= 0:
            return parts if last and begin == len(body) else []
    return []


def _structured(raw: bytes) -> bytes:
    """Give the envelope of a CloudEvent in structured mode; what is none stays as it is."""
    try:
        parts = _object.decode(raw)
        data: Any = parts.pop("data", None)
        cloud = {name: msgspec.json.decode(value) for name, value in parts.items()}
        if "specversion" not in cloud:
            return raw
        if isinstance(encoded := cloud.get("data_base64"), str):
            data = msgspec.Raw(base64.b64decode(encoded, validate=True))
            msgspec.json.decode(data)
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        return raw
    return _envelope(cloud, data)


def _binary(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Give the envelope of a CloudEvent in binary mode: attributes in headers, data in the body."""
    cloud: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith("ce-"):
            cloud[name[3:]] = attribute(name[3:], unquote(value))
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return body
    return _envelope(cloud, msgspec.Raw(body))


def _envelope(cloud: Mapping[str, Any], data: Any) -> bytes:
    return msgspec.json.encode(as_envelope(cloud, data))
