"""A start of a timer finds the run that ended before, whatever brought the timer forward within the same batch."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from sojourn.core.model import CallOut, Note, Row, Tomb
from sojourn.core.runs import ALL_RUNS
from sojourn.definitions.project import Project
from sojourn.definitions.publish import first_book
from sojourn.intake.apply import Incoming, Reading, apply_records
from sojourn.intake.deciding import Deciding, Telling
from sojourn.intake.decode import decode
from sojourn.intake.releases import Releases
from sojourn.intake.timers import fire_due
from sojourn.records import Changed, Outgoing
from sojourn.store.memory import MemoryStore
from sojourn.testing.clock import VirtualClock
from tests.integration.enginekit import happened, known
from tests.unit.rules.kit import EVERYTHING, SHANGHAI, at, project
from tests.unit.rules.small import small

SOURCE = "kafka:all/0"
FLOW = "flow: [{wait: 1 hours}]"
BIRTHDAY = small("yearly", FLOW, when="{when: birthday, at: 09:00}", key="[year]", facts="{}", expire="")
FESTIVAL = small(
    "cool", FLOW, when="{when: festival, at: 10:00}", key="[festival_id, year]", facts="{}", expire="",
    again="{after: 90 days, per: customer}",
)  # fmt: skip
SILENT = small(
    "silent", FLOW, when="{silent: activity.recorded, for: 30 days, by: product_line}", key="[product_line]",
    facts="{}", expire="",
)  # fmt: skip


class Starts(Telling):
    """Keeps the starts of runs that were stored: when, and by which key."""

    def __init__(self) -> None:
        self.found: list[tuple[str, dict[str, Any]]] = []

    def decided(
        self, rows: Sequence[Row], notes: Sequence[tuple[str, Note]], calls: Sequence[tuple[str, CallOut]], at: int
    ) -> Sequence[Outgoing]:
        """See ``Telling.decided``."""
        started = [note for _, note in notes if note.kind == "started"]
        self.found += [
            (datetime.fromtimestamp(note.at / 1000, ZoneInfo(SHANGHAI)).strftime("%Y-%m-%d"), dict(note.key))
            for note in started
        ]
        return ()


class World:
    """One topic of one partition, read by hand, a batch at a time."""

    def __init__(self, loaded: Project, begin: str) -> None:
        self.loaded = loaded
        self.clock = VirtualClock(at(begin, SHANGHAI))
        self.starts = Starts()
        self.store = MemoryStore(self.clock)
        self.deciding = Deciding(Releases.only(first_book(loaded)), topics={"all": 1}, telling=self.starts)
        self.next = 0

    async def read(self, *records: tuple[str, bytes], now: str | None = None) -> None:
        """Store records (local time, bytes) as one batch; all is read after it."""
        if now is not None:
            self.clock.set(at(now, SHANGHAI))
        incoming = [
            Incoming(
                raw=raw, read=decode(raw, self.loaded.catalogue, self.clock.now), source=SOURCE, position=self.next + n,
                stamp=at(when, SHANGHAI),
            )
            for n, (when, raw) in enumerate(records)
        ]  # fmt: skip
        reading = Reading(
            expect={SOURCE: self.next or None},
            next={SOURCE: self.next + len(records)},
            merged=frozenset({SOURCE}),
            idle=frozenset({SOURCE}),
            looked_at=self.clock.now,
        )
        applied = await apply_records(self.store, self.deciding, incoming, reading)
        assert applied.fates == ("accepted",) * len(records), applied
        self.next += len(records)

    async def pass_to(self, when: str) -> None:
        """Let time pass with nothing unread, and run what is due, a day at a time."""
        end = at(when, SHANGHAI)
        while self.clock.now < end:
            self.clock.set(min(end, self.clock.now + 86_400_000))
            await self.look()
            await fire_due(self.store, self.deciding)

    async def look(self) -> None:
        reading = Reading(
            expect={SOURCE: self.next or None}, next={SOURCE: self.next}, merged=frozenset({SOURCE}),
            idle=frozenset({SOURCE}), looked_at=self.clock.now,
        )  # fmt: skip
        await apply_records(self.store, self.deciding, [], reading)

    async def ended(self, journey: str, name: str, tomb: Tomb) -> None:
        """Let a run of the customer have ended."""
        async with self.store.transaction() as tx:
            stored = (await tx.load(["C1"]))["C1"]
            after = replace(stored.state, tombs={(journey, name): tomb})
            await tx.save([Changed(stored, after, stored.due, stored.lane, stored.release or 1)], self.clock.now)


def person(when: str, **fields: Any) -> tuple[str, bytes]:
    more = {"consent": EVERYTHING, "timezone": SHANGHAI} | fields
    return when, known("C1", at(when, SHANGHAI), **more)


def change(when: str, seq: int, **fields: Any) -> tuple[str, bytes]:
    payload = {"changed": sorted(fields), "profile": fields}
    entity = {"type": "customer", "id": "C1", "seq": seq}
    return when, happened("customer.updated", "C1", at(when, SHANGHAI), payload, entity=entity)


@pytest.fixture
async def worlds() -> AsyncIterator[Any]:
    opened = []

    async def make(journey: str, begin: str) -> World:
        world = World(project(journey), begin)
        await world.store.open()
        opened.append(world)
        return world

    yield make
    for world in opened:
        await world.store.close()


def active(when: str, seq: int) -> tuple[str, bytes]:
    payload = {"product_line": "life", "kind": "login", "channel": "app"}
    entity = {"type": "customer", "id": "C1", "seq": seq}
    return when, happened("activity.recorded", "C1", at(when, SHANGHAI), payload, entity=entity)


async def test_a_birthday_that_a_batch_corrects_and_passes_is_not_had_twice_a_year(worlds: Any) -> None:
    world = await worlds(BIRTHDAY, "2026-03-01 10:00")
    await world.read(person("2026-03-01 10:00", birth_date="1980-03-12"))
    await world.pass_to("2026-03-20 10:00")
    assert world.starts.found == [("2026-03-12", {"year": 2026})]
    corrected = change("2026-04-01 10:00", 2, birth_date="1980-06-01")
    await world.read(corrected, change("2026-06-02 10:00", 3, language="en"), now="2026-06-05 10:00")
    await world.pass_to("2026-06-10 10:00")
    assert world.starts.found == [("2026-03-12", {"year": 2026})]
    await world.pass_to("2027-06-02 10:00")
    assert world.starts.found[1:] == [("2027-06-01", {"year": 2027})]


@pytest.mark.parametrize("now", ["2026-06-01 06:00", "2026-06-01 12:00"], ids=["at once", "read late"])
async def test_nor_is_one_that_a_move_to_another_zone_makes_due_at_once(worlds: Any, now: str) -> None:
    world = await worlds(BIRTHDAY, "2026-03-01 10:00")
    await world.read(person("2026-03-01 10:00", birth_date="1980-03-12"))
    await world.pass_to("2026-03-20 10:00")
    await world.read(change("2026-03-20 10:00", 2, birth_date="1980-06-01"))
    moves = change("2026-06-01 06:00", 3, timezone="Pacific/Auckland")  # there it is ten o'clock: the hour has passed
    await world.read(moves, now=now)
    await world.pass_to("2026-06-03 10:00")
    assert world.starts.found == [("2026-03-12", {"year": 2026})]


async def test_a_silence_that_begins_and_ends_in_one_batch_finds_the_run_of_the_one_before(worlds: Any) -> None:
    world = await worlds(SILENT, "2026-03-01 10:00")
    await world.read(person("2026-03-01 10:00"), active("2026-03-01 10:00", 2))
    await world.pass_to("2026-04-03 10:00")
    assert world.starts.found == [("2026-03-31", {"product_line": "life"})]
    late = change("2026-06-01 10:00", 4, language="en")
    await world.read(active("2026-04-05 10:00", 3), late, now="2026-06-05 10:00")
    await world.pass_to("2026-06-07 10:00")
    assert world.starts.found == [("2026-03-31", {"product_line": "life"})]


@pytest.mark.parametrize("batch", [True, False], ids=["a batch", "timers"])
async def test_a_cool_down_of_the_customer_counts_for_starts_of_a_day(worlds: Any, batch: bool) -> None:
    world = await worlds(FESTIVAL, "2026-09-01 10:00")
    await world.read(person("2026-09-01 10:00"))
    sent = at("2026-08-30 10:00", SHANGHAI)
    await world.ended("cool", ALL_RUNS, Tomb(sent, sent))
    if batch:
        await world.read(change("2026-10-20 10:00", 2, language="en"), now="2026-10-20 10:00")
    await world.pass_to("2027-02-10 10:00")
    spring = {"festival_id": "spring_festival", "year": 2027}
    assert world.starts.found == [("2027-02-06", spring)]
