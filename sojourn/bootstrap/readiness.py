"""How each part of the engine does, for /readyz."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.bootstrap.health import OK, Part
from sojourn.core.book import Book
from sojourn.core.zones import local_date
from sojourn.errors import SojournError

if TYPE_CHECKING:
    from sojourn.bootstrap.embedded import Engine

_LATE_MS = 60_000
_CROWDED = 10_000
_REMEMBERED_MS = 5_000
CHANNELS: Final = {"sms": "sms", "email": "smtp", "call": "calls"}


async def parts_of(engine: "Engine") -> dict[str, Part]:
    """Give each part with its status and why."""
    store = await _store(engine)
    parts = {
        "store": store,
        "intake": _intake(engine),
        "timers": _timers(engine),
        "calendar": calendar_part(engine),
        "quarantine": _quarantine(engine),
    }
    for where, fault in engine.trouble.faults.items():
        parts[where] = Part("degraded", f"an error of the engine itself: {fault}")
    for channel, circuit in engine.delivery.circuits.items():
        why = f"the provider does not take anything ({circuit.code}); what waits stays in the outbox"
        parts[CHANNELS.get(channel, channel)] = Part("degraded", why) if circuit.is_open else OK
    return parts


async def _store(engine: "Engine") -> Part:
    try:
        trouble = engine.trouble.store
        if trouble is not None:
            if engine.clock() - engine.trouble.at < _REMEMBERED_MS:  # a small write may still go where a batch does not
                return Part("down", str(trouble))
            await engine.probe()
        await engine.look_up()
    except SojournError as error:
        return Part("down", str(error))
    return OK


def _intake(engine: "Engine") -> Part:
    if engine.trouble.store is not None:
        return Part("down", "events are answered with 503 until the store is back; nothing is lost")
    if engine.waiting > _CROWDED:
        return Part("degraded", f"{engine.waiting} events wait to be stored")
    return OK


def _timers(engine: "Engine") -> Part:
    fired = engine.last_fired
    if fired is not None and fired.late_ms > _LATE_MS:
        return Part("degraded", f"timers are {fired.late_ms // 1000} s late")
    return OK


def _quarantine(engine: "Engine") -> Part:
    count = len(engine.quarantine.customers)
    if not count:
        return OK
    return Part("degraded", f"{count} customers are parked after an error of the engine; see the dead letters")


def calendar_part(engine: "Engine") -> Part:
    """Warn from 1 October on when the next year has no official calendar (Q41)."""
    return calendar_at(engine.book, engine.clock())


def calendar_at(book: Book, now: int) -> Part:
    """Give how the calendar of a book does at an instant; see ``calendar_part``."""
    calendar = book.calendar
    today = local_date(now, calendar.zone)
    wanted = {today.year, (today + timedelta(days=92)).year}
    missing = sorted(wanted - calendar.official)
    if not missing:
        return OK
    years = ", ".join(str(year) for year in missing)
    return Part("degraded", f"there is no official calendar of {years}; put it into schemas/calendar.yaml")
