"""What is well and what is not, part by part, and why; for /readyz and for people."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Part(msgspec.Struct, frozen=True):
    """One part of the engine: ``ok``, ``degraded`` (works on, a person should look), or ``down``."""

    status: str
    why: str = ""


OK = Part("ok")


def summary(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Give the whole as JSON-plain: degraded as soon as one part is not ok; down while nothing can be stored."""
    worst = "ok"
    if any(part.status != "ok" for part in parts.values()):
        worst = "degraded"
    if any(parts[name].status == "down" for name in ("store", "intake") if name in parts):
        worst = "down"
    return {
        "status": worst,
        "degraded": sorted(name for name, part in parts.items() if part.status != "ok"),
        "parts": {
            name: {"status": part.status} | ({"why": part.why} if part.why else {}) for name, part in parts.items()
        },
    }
