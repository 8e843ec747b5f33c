"""How each part of a worker, and of the installation that it can see, does: for /readyz."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sojourn.bootstrap.health import OK, Part
from sojourn.bootstrap.readiness import CHANNELS, calendar_at
from sojourn.bootstrap.roles import TIMERS
from sojourn.errors import SojournError
from sojourn.intake.frontier import BEHIND_MS
from sojourn.rows import instant_text

if TYPE_CHECKING:
    from sojourn.bootstrap.production import Production

_LATE_MS: Final = 60_000
_CROWDED: Final = 10_000
_SHOWN: Final = 5
_SEEN: Final = ("frontier", "sources", "in_doubt", "dead_letters", "quarantine", "outgoing", "release")


async def worker_parts(work: "Production") -> dict[str, Part]:
    """Give each part with its status and why."""
    parts = {"store": await _store(work), "brokers": _brokers(work)}
    for name, alive in work.loops.alive.items():
        fault = work.trouble.faults.get(name)
        if not alive:
            parts[name] = Part("degraded", "this loop has ended")
        elif fault is not None:
            parts[name] = Part("degraded", f"an error of the engine itself: {fault}")
        else:
            parts[name] = OK
    parts |= _intake(work) | _timers(work) | _installation(work)
    parts["calendar"] = calendar_at(work.book, work.clock())
    for channel, circuit in work.delivery.circuits.items():
        why = f"the provider does not take anything ({circuit.code}); what waits stays in the outbox"
        parts[CHANNELS.get(channel, channel)] = Part("degraded", why) if circuit.is_open else OK
    return parts


async def _store(work: "Production") -> Part:
    try:
        await work.look_up()
    except SojournError as error:
        return Part("down", str(error))
    return OK if work.trouble.store is None else Part("degraded", str(work.trouble.store))


def _brokers(work: "Production") -> Part:
    reader = work.inflow.reader if work.inflow is not None else None
    trouble = (reader.trouble if reader is not None else None) or work.partitions.trouble
    return Part("degraded", f"{trouble}; reading goes on by itself") if trouble else OK


def _intake(work: "Production") -> dict[str, Part]:
    if work.waiting > _CROWDED:
        return {"http": Part("degraded", f"{work.waiting} events wait to be stored")}
    found: dict[str, Part] = {}
    if work.inflow is None:
        return found
    if work.inflow.stopped:
        found["intake"] = Part(
            "degraded",
            f"too many bad records, not read any more: {_few(work.inflow.stopped)}; look at the dead letters, "
            "put the publisher right, restart the worker",
        )
    reader = work.inflow.reader
    if reader is not None:
        late = {source: s for source, s in reader.lag_seconds().items() if s * 1000 > BEHIND_MS}
        if late:
            found["lag"] = Part("degraded", f"read late: {_few(late)}, at most {max(late.values()):.0f} s")
        if reader.missing:
            found["topics"] = Part("degraded", f"the brokers do not show {_few(reader.missing)}: `sojourn topics`")
    return found


def _timers(work: "Production") -> dict[str, Part]:
    if TIMERS in work.roles and work.fired is not None and work.fired.late_ms > _LATE_MS:
        return {"timers": Part("degraded", f"timers are {work.fired.late_ms // 1000} s late")}
    return {}


def _installation(work: "Production") -> dict[str, Part]:
    """What holds for all workers together."""
    figures, now = work.figures, work.clock()
    found = dict.fromkeys(_SEEN, OK)
    if figures is None:
        return found
    if figures.edge is not None and figures.edge.is_behind:
        worst = figures.edge.worst
        found["frontier"] = Part(
            "degraded", f"timers wait for {worst.source}, stored to {instant_text(worst.stored_to)}; marketing waits"
        )
    if figures.stalled:
        found["sources"] = Part("degraded", f"stalled for ten minutes: {_few(figures.stalled)}; `sojourn intake list`")
    elif figures.waived(now):
        found["sources"] = Part("degraded", f"timers do not wait, by a waiver: {_few(figures.waived(now))}")
    if figures.waiting.in_doubt:
        found["in_doubt"] = Part("degraded", f"{figures.waiting.in_doubt} messages may or may not have been sent")
    letters = figures.waiting.letters
    if letters:
        found["dead_letters"] = Part(
            "degraded", f"{sum(letters.values())} open: {_few(letters)}; `sojourn dead-letters`"
        )
    if work.quarantine.customers:
        found["quarantine"] = Part("degraded", f"{len(work.quarantine.customers)} customers are parked")
    if work.publisher.trouble:
        found["outgoing"] = Part("degraded", f"{work.publisher.trouble}; what goes out waits in the store")
    if work.editions.newest > work.edition.published.number:
        found["release"] = Part("ok", f"release {work.editions.newest} is loaded and takes effect at its instant")
    return found


def _few(names: Iterable[str]) -> str:
    all_ = sorted(names)
    more = len(all_) - _SHOWN
    return ", ".join(all_[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
