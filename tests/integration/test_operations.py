"""What operators do, on both databases: dead letters once more, parked customers released, sources waived."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from sojourn.bootstrap.operating import Desk, desk_of
from sojourn.bootstrap.quarantine import Quarantine
from sojourn.bootstrap.releases import Shelf, pack
from sojourn.core.model import Cause, Hot, Run
from sojourn.core.turn import replace
from sojourn.delivery.port import Answered, Outgoing
from sojourn.errors import ConfigurationError
from sojourn.intake.apply import Applied, Incoming, apply_events
from sojourn.intake.deciding import Deciding
from sojourn.operations import letters as by_hand
from sojourn.operations.parked import parked_customers, release
from sojourn.operations.sources import source_states, waive
from sojourn.ports import Conflict, Store
from sojourn.records import Changed, DeadLetter, Kept, Letter, Move, Position, Published
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore
from sojourn.testing.clock import VirtualClock
from sojourn.testing.provider import InstantProvider
from tests.integration.enginekit import Rig, claim, insurer, known

NOW = 1_773_000_000_000
HOUR = 3_600_000


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> Store:
    key = master_key(tmp_path / "master.key", create=True)
    if request.param == "postgres":
        return PostgresStore(request.getfixturevalue("database"), key, clock)
    return SqliteStore(tmp_path / "sojourn.db", key, clock)


@pytest.fixture
async def rig(tmp_path: Path, store: Store, clock: VirtualClock) -> AsyncIterator[Rig]:
    """An open engine on either database, with a project of one journey; it runs only when a test says so."""
    async with Rig(insurer(tmp_path / "project", "claim_status"), NOW, store=store, clock=clock) as rig:
        yield rig


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """What `desk_of` gives for a store with one release, loaded once for all tests."""
    folder = insurer(tmp_path_factory.mktemp("desk") / "project", "claim_status")
    packed, shelf = pack(folder), Shelf(folder / "var")
    one = Published(number=1, at=NOW - HOUR, running="stay", digest=packed.digest, content=packed.content)
    edition = shelf.add(one)
    return Desk(Deciding(shelf.releases), edition)


async def take(store: Store, desk: Desk, *raws: bytes, host: Quarantine | None = None) -> Applied:
    """Put events through the intake of a host; without one of a host that knows of nobody parked."""
    incoming = [Incoming(raw=raw, read=desk.read(letter_of(raw))[1], source="test") for raw in raws]
    if host is None:
        return await apply_events(store, desk.deciding, incoming)
    return await apply_events(host.guard(store), desk.deciding, incoming, quarantined=host.customers)


def letter_of(raw: bytes) -> Letter:
    return Letter(number=0, state="open", letter=letter(raw))


@pytest.fixture
async def opened(store: Store) -> AsyncIterator[Store]:
    """An empty store without an engine."""
    await store.open()
    yield store
    await store.close()


async def keep(store: Store, *letters: DeadLetter) -> list[Letter]:
    async with store.transaction() as tx:
        await tx.append_dead_letters(letters)
    return await by_hand.open_letters(store.views)


def letter(
    raw: bytes, reason: str = "unknown_type", arrival: int = NOW - HOUR, customer: str | None = None
) -> DeadLetter:
    return DeadLetter(
        source="kafka:cj.claim.v1/2",
        position=41,
        arrival=arrival,
        reason=reason,
        detail="x",
        raw=raw,
        customer=customer,
    )


async def states(store: Store) -> dict[int, str]:
    found, _ = await store.views.dead_letters(None, 100)
    return {one.number: one.state for one in found}


# ---- dead letters


async def test_a_letter_that_is_an_event_by_now_is_one_and_counts_once(rig: Rig, desk: Desk, store: Store) -> None:
    kept = await keep(store, letter(known("C1", NOW)), letter(b"{"), letter(claim("C1", NOW)))
    handled = await by_hand.replay(store, desk.deciding, kept, desk.read)
    assert [one.what for one in handled] == ["accepted", "left", "accepted"]
    assert "bad_json" in handled[1].why
    assert await states(store) == {kept[0].number: "replayed", kept[1].number: "open", kept[2].number: "replayed"}
    timeline = await store.views.timeline("C1", 10)
    events = [one.what for one in timeline.moments if isinstance(one.what, Kept)]
    assert {one.event_id for one in events} == {"customer.updated-C1-1", "claim.filed-C1-1"}
    assert {one.position for one in events} == {41}
    await rig.settle()
    assert [one.channel for one in rig.provider.sent].count("sms") == 1
    again = await keep(store, letter(claim("C1", NOW)))
    handled = await by_hand.replay(store, desk.deciding, again, desk.read)
    assert [one.what for one in handled] == ["left", "duplicate"]
    await rig.settle()
    assert [one.channel for one in rig.provider.sent].count("sms") == 1


async def test_letters_are_chosen_by_number_reason_and_arrival(opened: Store) -> None:
    first, second, third = await keep(
        opened, letter(b"1", "bad_json"), letter(b"2", arrival=NOW), letter(b"3", "bad_json", arrival=NOW)
    )
    assert await by_hand.open_letters(opened.views, numbers=[third.number, first.number, 999]) == [first, third]
    assert await by_hand.open_letters(opened.views, reason="bad_json") == [first, third]
    assert await by_hand.open_letters(opened.views, since=NOW) == [second, third]
    assert await by_hand.open_letters(opened.views, reason="bad_json", since=NOW) == [third]
    assert await by_hand.open_letters(opened.views, reason="bad_time") == []
    assert await by_hand.drop(opened, [first, second]) == 2
    assert await by_hand.drop(opened, [first]) == 0
    assert await by_hand.open_letters(opened.views) == [third]


async def test_a_letter_that_somebody_else_closed_stores_nothing(desk: Desk, opened: Store) -> None:
    kept = await keep(opened, letter(known("C1", NOW)), letter(known("C2", NOW)))
    await by_hand.drop(opened, kept[1:])
    with pytest.raises(by_hand.Overtaken):
        await by_hand.replay(opened, desk.deciding, kept, desk.read)
    assert (await opened.views.counts())["events"] == 0
    assert await states(opened) == {kept[0].number: "open", kept[1].number: "dropped"}


# ---- parked customers


async def break_customer(store: Store, customer: str) -> None:
    """Put a run of a version that no book has into a customer: deciding for him raises."""
    async with store.transaction() as tx:
        stored = (await tx.load([customer]))[customer]
        lost = Run("lost", "claim_status", 99, ("CL-9",), NOW, Cause(), {"claim_id": "CL-9"})
        state = replace(stored.state, hot=Hot(clock=NOW), runs={"lost": lost})
        await tx.save([Changed(stored, state, stored.due, release=1)], NOW)


async def mend(store: Store, customer: str) -> None:
    async with store.transaction() as tx:
        stored = (await tx.load([customer]))[customer]
        await tx.save([Changed(stored, replace(stored.state, runs={}), stored.due, release=1)], NOW)


async def test_a_released_customer_takes_his_inputs_in_order_as_of_their_arrival(
    rig: Rig, desk: Desk, store: Store, clock: VirtualClock
) -> None:
    await rig.submit([known("C1", NOW), known("C2", NOW)])
    await break_customer(store, "C1")
    await rig.submit([claim("C1", NOW)])
    clock.tick(60_000)
    later = known("C1", NOW, mobile="+8613800138999").replace(b"customer.updated-C1-1", b"later")
    await rig.submit([later])
    arrivals = [one.letter.arrival for one in await by_hand.open_letters(store.views)]
    clock.tick(HOUR)
    (parked,) = await parked_customers(store.views)
    assert (parked.customer, parked.inputs, parked.since, parked.error) == ("C1", 2, arrivals[0], "KeyError")

    stuck = await release(store, desk.deciding, "C1", desk.read)
    assert stuck is not None
    assert (stuck.free, stuck.applied) == (False, 0)
    assert stuck.why.startswith("KeyError at ")
    assert (await store.views.counts())["events"] == 2

    await mend(store, "C1")
    done = await release(store, desk.deciding, "C1", desk.read)
    assert done is not None
    assert (done.free, done.applied) == (True, 2)
    assert await release(store, desk.deciding, "C1", desk.read) is None
    assert await parked_customers(store.views) == []
    timeline = await store.views.timeline("C1", 10)
    came = [one.what for one in timeline.moments if isinstance(one.what, Kept)]
    assert [(one.event_id, one.arrival) for one in reversed(came)][1:] == [
        ("claim.filed-C1-1", arrivals[0]), ("later", arrivals[1]),
    ]  # fmt: skip
    with pytest.raises(Conflict):  # the engine learns of the release behind the customer's lock, and looks again
        await rig.settle()
    await rig.settle()
    assert {one.channel for one in rig.provider.sent} == {"sms", "email", "call"}


async def test_a_process_that_knows_nothing_of_it_parks_behind_and_goes_on_after_the_release(
    desk: Desk, opened: Store
) -> None:
    """Two hosts, each with a set of its own in memory: the second must neither overtake nor hold back for ever."""
    one, two = Quarantine(), Quarantine()
    for host in (one, two):
        await host.load(opened)
    await take(opened, desk, known("C1", NOW), host=one)
    await break_customer(opened, "C1")
    assert (await take(opened, desk, claim("C1", NOW), host=one)).fates == ("parked",)
    assert (one.customers, two.customers) == ({"C1"}, set())
    await mend(opened, "C1")  # nothing but the letter keeps him from going on now
    second = known("C1", NOW, name="second").replace(b"customer.updated-C1-1", b"second")
    assert (await take(opened, desk, second, host=two)).fates == ("parked",)
    assert two.customers == {"C1"}

    assert await release(opened, desk.deciding, "C1", desk.read) is not None
    third = known("C1", NOW, name="third").replace(b"customer.updated-C1-1", b"third")
    assert (await take(opened, desk, third, host=one)).fates == ("accepted",)
    await two.refresh()
    assert one.customers == two.customers == set()
    customer = await opened.views.customer("C1")
    assert customer is not None
    assert customer.state.profile.fields["name"] == "third"


async def test_of_two_who_park_at_once_one_looks_again(opened: Store) -> None:
    one, two = Quarantine(), Quarantine()
    await one.load(opened)
    await two.load(opened)

    async def park(host: Quarantine, customer: str) -> None:
        async with host.guard(opened).transaction() as tx:
            await tx.load([customer])
            await tx.append_dead_letters([letter(b"", "engine_error", customer=customer)])

    await park(one, "C1")
    with pytest.raises(Conflict):
        await park(two, "C2")
    await park(two, "C2")
    assert two.customers == {"C1", "C2"}
    await one.refresh()
    assert one.customers == {"C1", "C2"}


async def test_dropping_the_input_that_fails_lets_the_next_one_go(desk: Desk, opened: Store) -> None:
    await take(opened, desk, known("C1", NOW))
    await keep(
        opened,
        letter(b"no event any more", "engine_error", customer="C1"),
        letter(claim("C1", NOW), "engine_error", customer="C1"),
    )
    stuck = await release(opened, desk.deciding, "C1", desk.read)
    assert stuck is not None
    assert "refuses it: bad_json" in stuck.why
    first, _ = await by_hand.open_letters(opened.views)
    assert stuck.number == first.number
    handled = await by_hand.replay(opened, desk.deciding, [first], desk.read)
    assert handled[0].why == by_hand.PARKED
    await by_hand.drop(opened, [first])
    done = await release(opened, desk.deciding, "C1", desk.read)
    assert done is not None
    assert (done.free, done.applied) == (True, 1)


async def test_a_timer_that_failed_runs_when_its_customer_is_released(
    rig: Rig, desk: Desk, store: Store, clock: VirtualClock
) -> None:
    await rig.submit([known("C1", NOW), claim("C1", NOW)])
    await rig.settle()
    first = rig.engine.last_fired
    assert first is not None
    assert first.next_due is not None
    whole = (await store.views.customer("C1")).state.runs  # type: ignore[union-attr]
    await break_runs(store, lambda run: msgspec.structs.replace(run, version=99))
    clock.set(first.next_due)
    await rig.settle()
    (parked,) = await parked_customers(store.views)
    assert parked.inputs == 1
    before = len(await rig.rows())
    await break_runs(store, lambda run: whole[run.id])
    done = await release(store, desk.deciding, "C1", desk.read)
    assert done is not None
    assert done.free
    await rig.engine.quarantine.refresh()
    await rig.settle()
    fresh = (await rig.rows())[before:]
    assert [(row.status, row.step, row.due_at) for row in fresh] == [
        ("held", "delay", first.next_due), ("sent", "call_3", first.next_due),
    ]  # fmt: skip


async def break_runs(store: Store, change: Callable[[Run], Run]) -> None:
    async with store.transaction() as tx:
        stored = (await tx.load(["C1"]))["C1"]
        runs = {name: change(run) for name, run in stored.state.runs.items()}
        await tx.save([Changed(stored, replace(stored.state, runs=runs), stored.due, stored.lane, 1)], NOW)


async def test_what_became_of_a_message_is_decided_at_the_release_if_it_could_not_be_before(
    tmp_path: Path, store: Store, clock: VirtualClock
) -> None:
    """The provider took the SMS, and while it did the customer's state broke: it was sent, and goes no second time."""

    class Breaking(InstantProvider):
        async def send(self, outgoing: Outgoing) -> Answered:
            await break_runs(store, lambda run: msgspec.structs.replace(run, version=99))
            return await super().send(outgoing)

    sms = Breaking()
    channels = {"sms": sms, "email": InstantProvider(), "call": InstantProvider()}
    project = insurer(tmp_path / "project", "claim_status")
    async with Rig(project, NOW, store=store, clock=clock, channels=channels) as rig:
        await rig.submit([known("C1", NOW, email=None), claim("C1", NOW)])
        whole = (await store.views.customer("C1")).state.runs  # type: ignore[union-attr]
        await rig.settle()
        assert [(one.customer, one.error) for one in await parked_customers(store.views)] == [("C1", "KeyError")]
        assert "sent" not in {row.status for row in await rig.rows() if row.channel == "sms"}
        await break_runs(store, lambda run: whole[run.id])
        desk = Desk(rig.engine.deciding, rig.engine.edition)
        done = await release(store, desk.deciding, "C1", desk.read)
        assert done is not None
        assert done.free
        await rig.engine.quarantine.refresh()
        await rig.settle()
        assert [row.status for row in await rig.rows() if row.channel == "sms"] == ["sent"]
        assert len(sms.sent) == 1


# ---- calls


async def test_a_call_that_failed_goes_again_while_its_run_lives(
    tmp_path: Path, store: Store, clock: VirtualClock
) -> None:
    works = False

    def reply(outgoing: Outgoing) -> Answered:
        return Answered(kind="accepted", code="200") if works else Answered(kind="not_taken", code="503")

    calls = InstantProvider(reply)
    channels = {"sms": InstantProvider(), "email": InstantProvider(), "call": calls}
    project = insurer(tmp_path / "project", "claim_status")
    async with Rig(project, NOW, store=store, clock=clock, channels=channels) as rig:
        desk = await desk_of(store, rig.engine.settings, NOW)
        await rig.replay([(NOW, known("C1", NOW)), (NOW, claim("C1", NOW))], NOW + HOUR)
        tried = len(calls.sent)
        (kept,) = await by_hand.open_letters(store.views, reason="call_failed")
        works = True
        (handled,) = await by_hand.replay(store, desk.deciding, [kept], desk.read)
        assert (handled.what, handled.why) == ("put again", "")
        assert await by_hand.open_letters(store.views) == []
        clock.tick(HOUR)  # the circuit lets a probe through
        await rig.settle()
        assert len(calls.sent) == tried + 1
        assert {one.message_id for one in calls.sent} == {kept.letter.event_id}
        rows = [row for row in await rig.rows() if row.message_id == kept.letter.event_id]
        assert [row.status for row in rows] == ["failed", "sent"]

        (again,) = await keep(store, kept.letter)
        async with store.transaction() as tx:
            stored = (await tx.load(["C1"]))["C1"]
            runs = {name: msgspec.structs.replace(run, ended="goal") for name, run in stored.state.runs.items()}
            await tx.save([Changed(stored, replace(stored.state, runs=runs), None, release=1)], clock.now)
        (handled,) = await by_hand.replay(store, desk.deciding, [again], desk.read)
        assert (handled.what, handled.why) == ("left", "its run has ended")
        assert await states(store) == {kept.number: "replayed", again.number: "open"}


# ---- sources


async def put(store: Store, sources: Sequence[str], stored_to: int) -> None:
    async with store.transaction() as tx:
        await tx.advance([Move(name, None, Position(7, stored_to, stored_to)) for name in sources])


async def test_sources_are_told_with_lag_and_a_waiver_of_a_topic_takes_all_its_partitions(
    opened: Store, clock: VirtualClock
) -> None:
    late, new = NOW - HOUR, NOW - 2_000
    await put(opened, ["kafka:cj.claim.v1/0", "kafka:cj.claim.v1/10", "kafka:cj.claim.v1/2"], late)
    await put(opened, ["kafka:cj.bill.v1/0"], new)
    given = await waive(opened, ["cj.claim.v1"], lasts_ms=HOUR, by=" Li Wei ", reason="lost")
    assert [one.source for one in given] == [f"kafka:cj.claim.v1/{n}" for n in (0, 2, 10)]
    assert given[0].by == "Li Wei"
    found = source_states(await opened.views.positions(), await opened.views.waivers(), clock.now)
    assert [(one.source, one.lag_ms, one.stalled, one.waiver is not None) for one in found] == [
        ("kafka:cj.bill.v1/0", 2_000, False, False),
        ("kafka:cj.claim.v1/0", HOUR, True, True),
        ("kafka:cj.claim.v1/2", HOUR, True, True),
        ("kafka:cj.claim.v1/10", HOUR, True, True),
    ]
    clock.tick(1_000)
    await waive(opened, ["kafka:cj.claim.v1/2"], lasts_ms=0, by="Li Wei", reason="back")
    found = source_states(await opened.views.positions(), await opened.views.waivers(), clock.now)
    assert [one.source for one in found if one.waiver is None] == ["kafka:cj.bill.v1/0", "kafka:cj.claim.v1/2"]
    assert source_states(await opened.views.positions(), given, NOW + HOUR)[1].waiver is None


@pytest.mark.parametrize(
    ("name", "lasts", "by", "problem"),
    [
        ("cj.clame.v1", HOUR, "Li Wei", "did you mean `kafka:cj.claim.v1"),
        ("cj.claim.v1", HOUR, " ", "needs a person"),
        ("cj.claim.v1", 8 * 24 * HOUR, "Li Wei", "cannot last so long"),
    ],
)
async def test_a_waiver_that_makes_no_sense_is_refused(
    opened: Store, name: str, lasts: int, by: str, problem: str
) -> None:
    await put(opened, ["kafka:cj.claim.v1/0"], NOW)
    with pytest.raises(ConfigurationError, match=problem):
        await waive(opened, [name], lasts_ms=lasts, by=by, reason="lost")
    assert await opened.views.waivers() == []


async def test_what_is_decided_beside_a_release_waits_for_it(desk: Desk, opened: Store) -> None:
    """A release and an event of the same customer at once: whichever is first, the order of inputs holds."""
    host = Quarantine()
    await take(opened, desk, known("C1", NOW))
    await break_customer(opened, "C1")
    await take(opened, desk, claim("C1", NOW))
    await mend(opened, "C1")
    await host.load(opened)
    raw = known("C1", NOW, name="new").replace(b"customer.updated-C1-1", b"new")
    done, applied = await asyncio.gather(
        release(opened, desk.deciding, "C1", desk.read),
        take(opened, desk, raw, host=host),
    )
    assert done is not None
    assert done.free
    if applied.fates == ("parked",) and await parked_customers(opened.views):
        await release(opened, desk.deciding, "C1", desk.read)
    timeline = await opened.views.timeline("C1", 10)
    came = [one.what.event_id for one in timeline.moments if isinstance(one.what, Kept)]
    assert came == ["new", "claim.filed-C1-1", "customer.updated-C1-1"]
