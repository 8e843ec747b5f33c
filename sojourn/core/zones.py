"""Local time of a customer: exact to the millisecond, the same on every machine.

Rules N2-N4: an offset is applied to a DATE, then combined with a local time. A local time that does
not exist moves forward by the gap, one that exists twice means its first occurrence. Zone data come
from the pinned ``tzdata`` package and never from the machine, so two workers cannot disagree.

An instant is an int: milliseconds since the epoch, UTC. A time of day is an int: milliseconds.
"""

from calendar import monthrange
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
_EPOCH = datetime(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    folder, _, leaf = name.rpartition("/")
    package = "tzdata.zoneinfo" + ("." + folder.replace("/", ".") if folder else "")
    with files(package).joinpath(leaf).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@lru_cache(maxsize=4096)
def is_zone(name: str) -> bool:
    """Tell whether the pinned tz database knows the name."""
    if not name or any(part in ("", ".", "..") for part in name.split("/")) or name.endswith((".py", ".tab")):
        return False
    try:
        _zone(name)
    except (OSError, ValueError, ImportError, TypeError):
        return False
    return True


@lru_cache(maxsize=8_192)
def _offset(second: int, zone: str) -> int:
    """Milliseconds east of UTC at a UTC second."""
    moment = datetime.fromtimestamp(second, _zone(zone))
    offset = moment.utcoffset()
    assert offset is not None
    return offset // _MILLISECOND


def local_ms(instant: int, zone: str) -> int:
    """Give the wall clock at an instant as milliseconds since a zoneless 1970-01-01."""
    # Offsets change on whole minutes only, so the quarter hour is fine enough to share the memo.
    return instant + _offset(instant // 900_000 * 900, zone)


def to_local(instant: int, zone: str) -> tuple[date, int]:
    """Give the local date and the milliseconds of that local day."""
    days, rest = divmod(local_ms(instant, zone), DAY)
    return date.fromordinal(719_163 + days), rest


def local_date(instant: int, zone: str) -> date:
    """Give the local date at an instant."""
    return date.fromordinal(719_163 + local_ms(instant, zone) // DAY)


@lru_cache(maxsize=8_192)
def to_utc(zone: str, day: date, time_of_day: int) -> int:
    """Give the instant of a local date and time: a gap moves forward, a double time is its first (N4)."""
    naive = datetime(day.year, day.month, day.day) + timedelta(milliseconds=time_of_day)
    offset = naive.replace(tzinfo=_zone(zone), fold=0).utcoffset()
    assert offset is not None
    return (naive - _EPOCH) // _MILLISECOND - offset // _MILLISECOND


def add_days(zone: str, instant: int, days: int) -> int:
    """Give the same wall clock so many local days later (N3)."""
    day, rest = to_local(instant, zone)
    return to_utc(zone, day + timedelta(days=days), rest)


def shift_months(day: date, months: int) -> date:
    """Give the date so many months later, clamped to the end of the month (N3: 31 May + 1 = 30 June)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def add_months(zone: str, instant: int, months: int) -> int:
    """Give the same wall clock so many calendar months later, clamped to the end of the month (N3)."""
    day, rest = to_local(instant, zone)
    return to_utc(zone, shift_months(day, months), rest)


def start_of_day(zone: str, day: date) -> int:
    """Give the first instant of a local date."""
    return to_utc(zone, day, 0)


def next_midnight(zone: str, instant: int) -> int:
    """Give the first instant of the local date that follows an instant's."""
    return to_utc(zone, local_date(instant, zone) + timedelta(days=1), 0)


def iso(instant: int) -> str:
    """Write an instant as ``2026-06-03T08:30:18.282Z``."""
    seconds, millis = divmod(instant, 1000)
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + f".{millis:03d}Z"
