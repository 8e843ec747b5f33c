"""A world against simulate: the same events with the same arrivals on a clock that never waits.

What simulate sends, the world sends too, unless lag has a say in it. Lag has, for one customer, from the first instant
on at which one of these holds; what he gets after it is held by replay of the applied order alone (oracle.py):

- an event met him after something that was later than its arrival: an event of a source that another worker reads, an
  outcome or a release that came while the event was on its way;
- a timer went past a stalled source;
- a hand-over did not end with the first attempt: throttled, in doubt, not taken;
- a message went out later than simulate sends it, or was still waiting for it, and in between something else of his
  happened, or quiet hours or a day began or ended. Until then whatever follows from messages may be as late as they
  were, so "in between" reaches as far as all his delays so far together;
- messages come up to a cap nearly at once, so that lag decides which of them is first;
- a message was valid for no longer than that: one that was deferred to the very end of its validity goes out in
  simulate, which is never late, and never where a clock runs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from sojourn.core.model import Event, Outcome, Publication, Row, Tick
from sojourn.intake.decode import decode
from sojourn.simulate.world import World as Simulation
from tests.worlds.history import Decided
from tests.worlds.plan import HOUR
from tests.worlds.world import World

NEVER = 1 << 62
SLACK_MS = 3_000
CAPPED = ("marketing", "care")


def simulated(world: World) -> list[Row]:
    """Give the rows of simulate on the events that the world has stored, in the order in which it applied them."""
    rows: list[Row] = []
    first = world.editions[0]
    simulation = Simulation(first.book, first.renderer, rows.append)
    inbox = sorted(world.shared.tables.inbox.items())
    events = sorted((entry.arrival, seq, entry.raw or b"") for seq, (_, entry) in inbox)
    release = world.releases[1] if len(world.releases) > 1 else None
    for arrival, _, raw in events:
        if release is not None and release.at <= arrival:
            simulation.publish(release.book, world.editions[1].renderer, Publication(release.running), release.at)
            release = None
        event = decode(raw, first.project.catalogue, arrival)
        assert isinstance(event, Event)
        simulation.feed(msgspec.structs.replace(event, arrival=arrival))
    if release is not None:
        simulation.publish(release.book, world.editions[1].renderer, Publication(release.running), release.at)
    simulation.run_through(world.plan.until)
    return rows


def differences(world: World) -> tuple[list[str], int, int]:
    """Give where the world and simulate differ and lag is no reason, and how many sends were compared, of how many."""
    ours, theirs = _by_customer(world.rows()), _by_customer(simulated(world))
    found: list[str] = []
    compared = sends = 0
    for customer in sorted(ours.keys() | theirs.keys()):
        mine, wanted = ours.get(customer, []), theirs.get(customer, [])
        until = said_by_lag(world.history.inputs.get(customer, []), mine, wanted)
        sent, meant = _sent(mine), _sent(wanted)
        sends += len(meant)
        compared += sum(at < until for at in meant.values())
        missing = [name for name, at in meant.items() if at < until and name not in sent]
        found += [f"{customer}: {name} not sent, due {meant[name]}" for name in missing]
        found += [f"{customer}: {name} sent, {at}" for name, at in sent.items() if at < until and name not in meant]
    return found, compared, sends


def said_by_lag(inputs: Sequence[Decided], mine: Sequence[Row], wanted: Sequence[Row]) -> int:
    """Give from which instant on lag may have changed what a customer gets."""
    until = min(_unordered(inputs), default=NEVER)
    meant = _sent(wanted)
    for at in _unsmooth(inputs, meant):
        until = min(until, at)
    moments = sorted({row.decided_at for row in wanted} | {i.what.arrival for i in inputs if isinstance(i.what, Event)})
    late = SLACK_MS
    for row in sorted(mine, key=lambda row: row.decided_at):
        at = meant.get(row.message_id, NEVER)
        if at >= until or row.decided_at < at:
            continue
        if row.status == "sent":
            late += row.decided_at - at
        reach = max(at + late, row.decided_at) if row.detail.get("was") == "ready" else at + late
        if (row.status != "deferred" and _something(moments, at, reach)) or _ended(row, at + late):
            until = min(until, at)
    return min(until, _crowded(wanted, late))


def _crowded(wanted: Sequence[Row], late: int) -> int:
    """Give when messages come up to a cap so near to each other that lag decides who is first."""
    capped = [row for row in wanted if row.reason == "frequency_cap"]
    moments = [(at, _step(row)) for row in wanted if row.klass in CAPPED for at in (row.decided_at, row.next_at) if at]
    tight = (
        min(at, other)
        for row in capped
        for at in (row.decided_at, row.next_at or row.decided_at)
        for other, step in moments
        if abs(at - other) <= late and step != _step(row)
    )
    return min(tight, default=NEVER)


def _step(row: Row) -> tuple[str, str, str]:
    return (row.journey, str(row.step), str(row.key))


def _ended(row: Row, by: int) -> bool:
    valid_until = row.detail.get("valid_until")
    return row.reason == "expired" and isinstance(valid_until, int) and valid_until <= by


def _something(moments: Sequence[int], after: int, until: int) -> bool:
    return any(after < at <= until for at in moments) or after // HOUR != until // HOUR


def _unordered(inputs: Sequence[Decided]) -> Iterator[int]:
    last = met = 0
    for one in inputs:
        if isinstance(one.what, Event):
            if one.what.arrival < max(last, one.now):
                yield one.what.arrival
            last = max(last, one.what.arrival)
        elif isinstance(one.what, Publication):
            last = met = max(last, one.now)
        elif one.now < met or (isinstance(one.what, Tick) and one.what.behind is not None):
            yield one.now


def _unsmooth(inputs: Sequence[Decided], meant: dict[str, int]) -> Iterator[int]:
    for one in inputs:
        if isinstance(one.what, Outcome) and one.what.kind != "accepted":
            yield min(one.now, meant.get(one.what.message_id, one.now))


def _sent(rows: Sequence[Row]) -> dict[str, int]:
    return {row.message_id: row.decided_at for row in rows if row.status == "sent"}


def _by_customer(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.customer_id].append(row)
    return found
