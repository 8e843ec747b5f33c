"""The sample of a project: a few events that the first start sends through the real intake.

``sample/events.ndjson`` of the project folder holds one envelope a line. ``after_s`` is how long to wait before it
is sent (default 0). Texts may hold what is only known at the start: ``{now}`` and ``{now-90m}`` (s, m, h, d),
``{today+7}`` (a date), ``{day_zone}`` and ``{night_zone}``: a time zone in which it is day, or deep night.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from sojourn.core.zones import HOUR, local_date, to_local
from sojourn.errors import ConfigurationError
from sojourn.rows import instant_text

FILE: Final = Path("sample") / "events.ndjson"
SOURCE: Final = "sample"
ZONES: Final = (
    "Asia/Shanghai",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "Asia/Dubai",
)
_SLOT = re.compile(r"\{(now|today|day_zone|night_zone)(?:([+-]\d{1,6})([smhd]?))?\}")
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": HOUR, "d": 24 * HOUR, "": 0}
_DAY_BEST: Final = 14 * HOUR
_NIGHT_BEST: Final = 2 * HOUR


def stages(project: Path, now: int) -> Iterator[tuple[float, list[bytes]]]:
    """Give what to send: seconds to wait, then events that go together.

    Raises:
        ConfigurationError: A line of the sample is none.
    """
    path = project / FILE
    if not path.is_file():
        return
    together: list[bytes] = []
    wait = 0.0
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        after, event = _read(line, number, now)
        if after and together:
            yield wait, together
            together = []
        wait = after or wait if not together else wait
        together.append(event)
    if together:
        yield wait, together


def _read(line: bytes, number: int, now: int) -> tuple[float, bytes]:
    try:
        values = msgspec.json.decode(line, type=dict[str, Any])
        after = float(values.pop("after_s", 0))
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "A line of the sample is no event", file=str(FILE), line=number, next_step="Correct it, or use --no-sample"
        ) from error
    return after, msgspec.json.encode(fill(values, now))


def fill(value: Any, now: int) -> Any:
    """Put instants, dates and zones into the texts of a value."""
    if isinstance(value, str):
        return _SLOT.sub(lambda found: _slot(found, now), value)
    if isinstance(value, dict):
        return {name: fill(held, now) for name, held in value.items()}
    if isinstance(value, list):
        return [fill(held, now) for held in value]
    return value


def _slot(found: re.Match[str], now: int) -> str:
    kind, amount, unit = found[1], int(found[2] or 0), found[3] or ""
    if kind == "now":
        return instant_text(now + amount * _UNITS[unit])
    if kind == "today":
        return (local_date(now, zone_at(now, _DAY_BEST)) + timedelta(days=amount)).isoformat()
    return zone_at(now, _DAY_BEST if kind == "day_zone" else _NIGHT_BEST)


def zone_at(now: int, wanted: int) -> str:
    """Give the zone in which the clock is nearest to a time of day; the first one, if it is near enough."""

    def distance(zone: str) -> int:
        away = abs(to_local(now, zone)[1] - wanted)
        return min(away, 24 * HOUR - away)

    home = ZONES[0]
    return home if distance(home) <= 5 * HOUR else min(ZONES, key=distance)
