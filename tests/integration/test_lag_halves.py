"""A backlog of several topics that is read in halves: the same touches come of it as in simulate, where none lags."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from sojourn.bootstrap.production import Production
from sojourn.core.model import Row
from sojourn.definitions.project import load_project
from sojourn.definitions.publish import first_book
from sojourn.intake.decode import Refused, decode
from sojourn.kafka.reader import Reader
from sojourn.kafka.values import HALVES, WHOLE, Chunk, Share
from sojourn.records import LogFilter
from sojourn.simulate.world import World
from tests.integration.enginekit import known
from tests.integration.lagkit import BEGIN, DUE, HOUR, MINUTE, REMINDER, ZONE, bill, installation, payment, until
from tests.unit.rules.kit import EVERYTHING
from tools.servers import KafkaBroker

PEOPLE = [f"C-{n}" for n in range(900)]
END = DUE + 3 * HOUR


def backlog() -> list[tuple[str, str, int, bytes]]:
    """Everybody owes; a third pays just before it is due, a third just after, and a third never; then some move."""
    found = []
    for n, who in enumerate(PEOPLE):
        at = BEGIN + n * 10
        found.append(("customer", who, at, known(who, at, consent=EVERYTHING, timezone=ZONE.key)))
        found.append(("payment", who, at + 5, bill(who, at)))
        if n % 3 < 2:
            paid = DUE + (n - len(PEOPLE)) if n % 3 == 0 else DUE + MINUTE + n
            found.append(("payment", who, paid, payment(who, paid)))
        if n % 5 == 0:
            entity = known(who, DUE + HOUR + n, language="en").replace(b'-1"', b'-2"', 1)
            found.append(("customer", who, DUE + HOUR + n, entity))
    return sorted(found, key=lambda one: one[2])


def simulated(folder: Path) -> set[tuple[str, str | None]]:
    """Give the touches that there are without any lag: customer and step."""
    loaded, rows = load_project(folder), list[Row]()
    world = World(first_book(loaded), None, rows.append)
    for _, _, at, raw in backlog():
        event = decode(raw, loaded.catalogue, at)
        assert not isinstance(event, Refused), event
        world.feed(replace(event, arrival=at))
    world.run_through(END)
    return {(row.customer_id, row.step) for row in rows}


async def touched(work: Production) -> set[tuple[str, str | None]]:
    """Give the touches of which there is a row or an open message."""
    async with work.store.transaction() as tx:
        people = await tx.load(PEOPLE)
    found = {(who, send.step) for who, one in people.items() for send in one.state.hot.sends}
    for who in PEOPLE[1::3]:
        page = await work.views.log(LogFilter(customer_id=who), 9)
        found |= {(who, row.step) for row in page.rows}
    return found


@pytest.mark.parametrize(("count", "halves"), [(2, True), (6, True), (3, False)])
async def test_the_touches_are_those_of_simulate(
    kafka: KafkaBroker, database: str, tmp_path: Path, topics: str, monkeypatch: pytest.MonkeyPatch, count: int,
    halves: bool,
) -> None:  # fmt: skip
    asked: set[Share] = set()
    following = Reader.next

    async def noted(self: Reader, limit: int = 500, wait_s: float = 0.2, share: Share = WHOLE) -> Chunk:
        asked.add(share)
        return await following(self, limit, wait_s, share)

    monkeypatch.setattr(Reader, "next", noted)
    async with installation(kafka, database, tmp_path, topics, REMINDER, count=count) as lag:
        await lag.publish(*backlog())
        lag.clock.put(END)
        async with lag.worker("intake,timers") as work:
            await until(lambda: lag.all_stored(work, END - 10 * MINUTE), "all is read")
            wanted = simulated(lag.folder)
            assert {step for _, step in wanted} == {"must", "remind"}
            assert len(wanted) == 2 * 600

            async def all_there() -> bool:
                return await touched(work) >= wanted

            await until(all_there, "all touches are there", 20)
            assert await touched(work) == wanted
        assert asked == ({WHOLE, *HALVES} if halves else {WHOLE})
