"""Time under lag: workers on a real broker and a real database, on a clock that can be put forward.

The project is one of small journeys over the reference insurer's events, whose topics have names of the test's own.
The clock goes on by itself, and ahead of the real one: so hours pass when a test says so, and what a command says
at the real instant (a waiver) is in force. Workers are whole ones, with all their loops.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaProducer

from sojourn.bootstrap.production import Production
from sojourn.bootstrap.settings import read_settings
from sojourn.core.model import Row
from sojourn.intake.frontier import source_of
from sojourn.places import place_of
from sojourn.records import LogFilter, Position
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master
from sojourn.testing.provider import InstantProvider
from tests.integration.enginekit import ROOT, happened, known
from tests.integration.readingkit import create, send
from tests.unit.rules.kit import EVERYTHING
from tests.unit.rules.small import MAIL, small
from tools.servers import KafkaBroker

MASTER: Final = "5a" * 32
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
_TOGETHER: Final = 1_000
ZONE: Final = ZoneInfo("Asia/Shanghai")
_TODAY: Final = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
DUE_DAY: Final = (_TODAY + timedelta(days=3)).date()
#: Where the clock begins, and nine o'clock of the day on which everything falls due.
BEGIN: Final = round((_TODAY + timedelta(days=1, hours=10)).timestamp() * 1000)
DUE: Final = round((_TODAY + timedelta(days=3, hours=9)).timestamp() * 1000)
#: One service and one mandatory reminder on the day on which an installment is due, unless it is paid.
REMINDER: Final = small(
    "reminder",
    f"""
    schedule:
      - {{id: remind, at: due_date 09:00, {MAIL}, valid_for: 2 days}}
      - {{id: must, at: due_date 09:00, {MAIL}, class: mandatory, valid_for: 2 days}}
    goal: {{when: payment.received}}
    """,
)


class Clock:
    """Goes on by itself and can be put forward; ms UTC."""

    def __init__(self, now: int) -> None:
        self._ahead = now - time.time_ns() // 1_000_000

    def __call__(self) -> int:
        """Give the instant."""
        return time.time_ns() // 1_000_000 + self._ahead

    def put(self, now: int) -> None:
        """Put it forward to an instant."""
        self._ahead += max(0, now - self())


def project(folder: Path, prefix: str, *journeys: str) -> Path:
    """Give a project folder; all its topics' names begin with the prefix."""
    folder.mkdir(parents=True)
    for name in ("templates", "rules.yaml", "parameters.yaml", "channels.yaml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "schemas").mkdir()
    for path in (ROOT / "schemas").iterdir():
        if path.name == "events.py":
            text = path.read_text(encoding="utf-8").replace('"cj.', f'"{prefix}cj.')
            (folder / "schemas" / path.name).write_text(text, encoding="utf-8")
        elif path.is_file():
            (folder / "schemas" / path.name).symlink_to(path)
    (folder / "journeys").mkdir()
    for text in journeys:
        name = text.split("\n", 1)[0].removeprefix("journey: ")
        (folder / "journeys" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


class Lag:
    """One installation: its topics, its database, its clock, its provider; ``worker`` gives it a worker."""

    def __init__(self, broker: KafkaBroker, database: str, folder: Path, prefix: str, count: int) -> None:
        self.broker, self.database, self.folder, self.prefix, self.count = broker, database, folder, prefix, count
        self.clock = Clock(BEGIN)
        self.provider = InstantProvider()

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a worker, and of a command beside it."""
        return {
            "SOJOURN_DATABASE": self.database,
            "SOJOURN_KAFKA": self.broker.bootstrap,
            "SOJOURN_KAFKA_GROUP": f"{self.prefix}workers",
            "SOJOURN_MASTER_KEY": MASTER,
        }

    @contextlib.asynccontextmanager
    async def worker(self, roles: str = "intake,timers,delivery") -> AsyncIterator[Production]:
        """Give a worker that runs while the block lasts, and then ends cleanly."""
        settings = read_settings(self.environment | {"SOJOURN_ROLES": roles}, self.folder)
        store = PostgresStore(self.database, Master(bytes.fromhex(MASTER)), self.clock)
        channels = dict.fromkeys(("sms", "email", "call"), self.provider)
        work = Production(settings, self.clock, store=store, channels=channels)
        assert await work.open()
        running = asyncio.create_task(work.run())
        try:
            yield work
        finally:
            work.stop()
            await running
            await work.close()

    # ---- topics

    def topic(self, name: str) -> str:
        """Give the whole name of a topic."""
        return f"{self.prefix}cj.{name}.v1"

    def source(self, name: str, customer: str) -> str:
        """Give the partition of a topic in which a customer's records lie."""
        return source_of(self.topic(name), place_of(customer) % self.count)

    async def publish(self, *records: tuple[str, str, int, bytes]) -> None:
        """Publish (topic, customer, timestamp, event), each where its customer's records lie."""
        lying = [(self.topic(topic), place_of(who) % self.count, at, raw) for topic, who, at, raw in records]
        await send(self.broker.bootstrap, lying)

    async def flood(self, topic: str, customer: str, raw: bytes, begin: int, count: int) -> None:
        """Publish one record so many times into the customer's partition, a millisecond apart."""
        place = place_of(customer) % self.count
        producer = AIOKafkaProducer(
            bootstrap_servers=self.broker.bootstrap, compression_type="gzip", max_batch_size=1 << 20
        )
        await producer.start()
        try:
            for first in range(0, count, _TOGETHER):
                batch = producer.create_batch()
                for n in range(first, min(count, first + _TOGETHER)):
                    assert batch.append(key=None, value=raw, timestamp=begin + n)
                await producer.send_batch(batch, self.topic(topic), partition=place)
            await producer.flush()
        finally:
            await producer.stop()

    async def owing(self, *customers: str, method: str = "manual") -> None:
        """Publish, now, that customers exist and owe an installment."""
        now = self.clock()
        people = [(who, known(who, now, consent=EVERYTHING, timezone=ZONE.key)) for who in customers]
        await self.publish(*(("customer", who, now, raw) for who, raw in people))
        await self.publish(*(("payment", who, now + 1, bill(who, now, method)) for who in customers))

    @contextlib.contextmanager
    def unreadable(self, name: str, customer: str, marker: bytes) -> Any:
        """Damage the record of a customer's partition that holds the marker, on the broker's disk, for a while."""
        place = place_of(customer) % self.count
        segment = self.broker.folder / "data" / f"{self.topic(name)}-{place}" / f"{0:020}.log"
        at = segment.read_bytes().index(marker)
        with segment.open("r+b") as file:
            os.pwrite(file.fileno(), bytes([marker[0] ^ 1]), at)
            try:
                yield
            finally:
                os.pwrite(file.fileno(), marker[:1], at)

    # ---- what came of it

    async def rows(self, work: Production, customer: str) -> list[Row]:
        """Give a customer's rows, oldest first."""
        page = await work.views.log(LogFilter(customer_id=customer), 100)
        return list(reversed(page.rows))

    async def told(self, work: Production, customer: str) -> list[tuple[str | None, str, str | None]]:
        """Give a customer's rows as step, status and reason."""
        return [(row.step, row.status, row.reason) for row in await self.rows(work, customer)]

    async def sent(self, work: Production, customer: str) -> list[str | None]:
        """Give the steps whose messages a customer was sent, and of which staff was called, in order."""
        return [row.step for row in await self.rows(work, customer) if row.status == "sent"]

    async def stored(self, work: Production, source: str, beyond: int) -> bool:
        """Tell whether a source is stored beyond an instant."""
        return (await work.views.positions()).get(source, Position(0, 0)).stored_to > beyond

    async def all_stored(self, work: Production, beyond: int, *, but: Sequence[str] = ()) -> bool:
        """Tell whether every source (but some) is stored beyond an instant."""
        at = await work.views.positions()
        wanted = {source_of(topic, n) for topic, count in work.deciding.topics.items() for n in range(count)}
        return all(source in at and at[source].stored_to > beyond for source in wanted - set(but))


@contextlib.asynccontextmanager
async def installation(
    broker: KafkaBroker, database: str, folder: Path, prefix: str, *journeys: str, count: int = 3
) -> AsyncIterator[Lag]:
    """Give an installation with topics for customers and payments; nothing runs yet."""
    made = Lag(broker, database, project(folder / "project", prefix, *journeys), prefix, count)
    late = {"message.timestamp.after.max.ms": str((1 << 63) - 1), "retention.ms": "-1"}
    await create(broker.bootstrap, made.topic("customer"), made.topic("payment"), partitions=count, **late)
    yield made


async def reminded(lag: Lag, work: Production, customer: str) -> bool:
    """Tell whether both messages of ``REMINDER`` went to a customer."""
    return sorted(map(str, await lag.sent(work, customer))) == ["must", "remind"]


def bill(customer: str, instant: int, method: str = "manual") -> bytes:
    """Give the event by which an installment falls due on ``DUE_DAY``."""
    payload = {
        "policy_id": "P-1", "installment_no": 1, "due_date": DUE_DAY.isoformat(), "amount_cny": "10.00",
        "frequency": "annual", "pay_method": method, "product_name": "X",
    }  # fmt: skip
    entity = {"type": "installment", "id": f"{customer}/1", "seq": 1}
    return happened("payment.due_scheduled", customer, instant, payload, entity=entity)


def payment(customer: str, instant: int) -> bytes:
    """Give the event by which the installment is paid."""
    payload = {
        "policy_id": "P-1", "installment_no": 1, "amount_cny": "10.00", "outstanding_cny": "0.00",
        "paid_date": datetime.fromtimestamp(instant / 1000, UTC).date().isoformat(), "method": "card",
    }  # fmt: skip
    entity = {"type": "installment", "id": f"{customer}/1", "seq": 2}
    return happened("payment.received", customer, instant, payload, entity=entity)


async def until(holds: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait until something holds, at most so long; a coroutine is awaited."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert loop.time() < end, f"it did not come to pass: {what}"
        await asyncio.sleep(0.1)
