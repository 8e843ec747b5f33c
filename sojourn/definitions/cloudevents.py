"""CloudEvents 1.0 with JSON data, as the envelope of requirements B2: the same attributes over HTTP and on Kafka. Pure.

``id``, ``type``, ``source``, ``time`` and ``data`` stand under their names there; ``customerid`` (or ``subject``),
``schemaversion``, ``entitytype``, ``entityid``, ``entityseq`` and ``traceid`` are extension attributes.
"""

from collections.abc import Mapping
from typing import Any, Final

STRUCTURED: Final = "application/cloudevents+json"
_NUMBERS: Final = ("schemaversion", "entityseq")


def attribute(name: str, text: str) -> str | int:
    """Give the value of an attribute that came as a text in a header; two of ours are whole numbers."""
    whole = name in _NUMBERS and text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if whole else text


def as_envelope(cloud: Mapping[str, Any], data: Any) -> dict[str, Any]:
    """Give the envelope of a CloudEvent that was made for us; what it does not say is not in it."""
    values: dict[str, Any] = {
        "event_id": cloud.get("id"),
        "type": cloud.get("type"),
        "schema_version": cloud.get("schemaversion"),
        "occurred_at": cloud.get("time"),
        "source": cloud.get("source"),
        "customer_id": cloud.get("customerid", cloud.get("subject")),
        "payload": data,
        "trace_id": cloud.get("traceid"),
    }
    entity = {name: cloud.get(f"entity{name}") for name in ("type", "id", "seq")}
    if any(value is not None for value in entity.values()):
        values["entity"] = {name: value for name, value in entity.items() if value is not None}
    return {name: value for name, value in values.items() if value is not None}
