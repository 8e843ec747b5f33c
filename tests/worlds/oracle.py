"""What must hold at the end of every world, whatever went wrong in it; gives what does not, in words."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from sojourn.core.decide import decide
from sojourn.core.model import Event, Row, State, Tick
from sojourn.delivery.settle import CALL_FAILED
from tests.worlds.against import differences
from tests.worlds.history import Decided
from tests.worlds.plan import GARBAGE
from tests.worlds.world import World

SPLIT_MS = 20
ENDS = ("sent", "suppressed", "failed", "in_doubt", "skipped")


def faults(world: World) -> list[str]:
    """Give everything that is wrong with a world that has come to rest."""
    found = [*world.history.faults, *(f"the loop: {context}" for context in world.loop.failures)]
    for check in (at_rest, events_kept, decided_once, by_book, sent_once, in_time):
        found += check(world)
    return found + differences(world)[0]


# ---- everything has come to rest, without a hand


def at_rest(world: World) -> Iterator[str]:
    """No order and no lease is left, all logs are read to their ends, nobody is in a transaction."""
    tables = world.shared.tables
    for name, order in tables.orders.items():
        yield f"order {name} is left, ready at {order.queued.ready_at}, lease to {order.lease_until}"
    for source, log in world.broker.logs.items():
        at = tables.positions.get(source)
        if (0 if at is None else at.next) != len(log):
            yield f"{source} stands at {at}, its log ends at {len(log)}"
    for number, filed in tables.letters.items():
        # A call fails when it was tried as often as is promised.
        if filed.letter.reason != CALL_FAILED and not filed.letter.raw.startswith(GARBAGE):
            yield f"dead letter {number}: {filed.letter.reason} {filed.letter.detail}"
    if world.shared.open_transactions:
        yield f"{len(world.shared.open_transactions)} transactions are open"


def events_kept(world: World) -> Iterator[str]:
    """Every event is in the inbox and all else a dead letter, once; it arrived when its first record says.

    Where a batch ended in the middle of an instant (ms), what comes later of it arrives a millisecond later.
    """
    first: dict[bytes, int] = {}
    for log in world.broker.logs.values():
        for _, record in log:
            value = record.value or b""
            first[value] = min(first.get(value, record.timestamp), record.timestamp)
    kept = Counter(entry.raw for _, entry in world.shared.tables.inbox.values())
    kept.update(filed.letter.raw for filed in world.shared.tables.letters.values() if filed.letter.raw in first)
    for raw in first:
        if kept[raw] != 1:
            yield f"a record is kept {kept[raw]} times: {raw!r}"
    for _, entry in world.shared.tables.inbox.values():
        if not 0 <= entry.arrival - first.get(entry.raw or b"", 0) <= SPLIT_MS:
            yield f"event {entry.event_id} arrived at {first.get(entry.raw or b'')}, kept as {entry.arrival}"


# ---- the log


def decided_once(world: World) -> Iterator[str]:
    """Replaying the committed inputs of each customer gives his rows and his state: nothing lost, nothing twice."""
    logged: dict[str, list[Row]] = defaultdict(list)
    for row in world.rows():
        logged[row.customer_id].append(row)
    states = {stored.state.customer: stored.state for stored in world.shared.tables.stored.values()}
    for customer in sorted(states.keys() | logged.keys() | world.history.inputs.keys()):
        state, rows = replayed(world, customer)
        if [_what(row) for row in rows] != [_what(row) for row in logged[customer]]:
            yield f"{customer}: the log has {_short(logged[customer])}, replayed {_short(rows)}"
        elif customer not in states or states[customer].hot != state.hot or states[customer].runs != state.runs:
            yield f"{customer}: the stored state is not what his inputs make"
        last = {row.message_id: row for row in logged[customer]}
        waiting = {send.id for send in state.hot.sends}
        for name, row in last.items():
            if row.status not in ENDS and name not in waiting:
                yield f"message {name} of {customer} ends as {row.status}"


def replayed(world: World, customer: str) -> tuple[State, list[Row]]:
    """Give what a customer's committed inputs make of him, one after the other."""
    books = {edition.book.number: edition.book for edition in world.editions}
    state, rows = State(customer), []
    for one in world.history.inputs.get(customer, []):
        decision = decide(books[one.book], state, one.what, one.now)
        state = decision.state
        rows += [command for command in decision.commands if isinstance(command, Row)]
    return state, rows


def _what(row: Row) -> tuple[str, str, str | None, int]:
    return (row.message_id, row.status, row.reason, row.decided_at)


def _short(rows: list[Row]) -> str:
    return ", ".join(f"{row.message_id[:5]} {row.status} {row.decided_at}" for row in rows)


def by_book(world: World) -> Iterator[str]:
    """Whatever is decided as of an instant is decided by the release that is in force then (Q45, N7).

    What comes so late that its customer has met a younger release by then is decided by that release.
    """
    for customer, inputs in world.history.inputs.items():
        for one in inputs:
            want = max(released.number for released in world.releases if released.at <= one.now)
            if one.book < want:
                yield f"{customer}: {type(one.what).__name__} of {one.now} was decided by book {one.book}, not {want}"


def sent_once(world: World) -> Iterator[str]:
    """The provider has what the log says: what is sent once, what is in doubt at most once, the rest not."""
    statuses: dict[str, list[Row]] = defaultdict(list)
    for row in world.rows():
        statuses[row.message_id].append(row)
    for name, rows in statuses.items():
        often = len(world.taken.by_key.get(name, ()))
        told = Counter(row.status for row in rows)
        doubts = told["in_doubt"]
        if rows[0].channel == "call":
            if told["sent"] > 1 or (told["sent"] and not often):
                yield f"call {name} is {dict(told)}, taken {often} times"
        elif told["sent"] > 1 or doubts > 2 or not told["sent"] <= often <= told["sent"] + doubts:
            yield f"message {name} is {dict(told)}, taken {often} times"
    # A call that nobody knows to be taken has no row when its run ends before it is tried again; the attempt tells.
    calls = {one.message_id for _, one in world.shared.tables.attempts.values() if one.channel == "call"}
    for name in world.taken.by_key.keys() - statuses.keys() - calls:
        yield f"the provider has {name}, the log does not"


# ---- time


def in_time(world: World) -> Iterator[str]:
    """No timer runs before an event that arrived by its due time.

    That timers go past a stalled source says the tick itself (``behind``); events of different sources may meet a
    customer in another order than they arrived where their readers are different workers.
    """
    for customer, inputs in world.history.inputs.items():
        yield from _late_events(customer, inputs)


def _late_events(customer: str, inputs: list[Decided]) -> Iterator[str]:
    upto = 0
    for one in inputs:
        if isinstance(one.what, Tick) and one.what.behind is None:
            upto = max(upto, one.now if one.what.upto is None else one.what.upto)
        elif isinstance(one.what, Event) and one.what.arrival <= upto:
            yield f"{customer}: timers up to {upto} ran before {one.what.id}, which arrived at {one.what.arrival}"
