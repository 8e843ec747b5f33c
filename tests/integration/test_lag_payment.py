"""Who has paid is not reminded, and who owes is, however late each is read (issue 4, "Time under lag")."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.enginekit import known
from tests.integration.lagkit import DUE, HOUR, REMINDER, SECOND, Lag, bill, installation, payment, reminded, until
from tests.unit.rules.kit import EVERYTHING
from tools.servers import KafkaBroker

PAYER, OWER = "C-payer", "C-ower"


@pytest.fixture
async def lag(kafka: KafkaBroker, database: str, tmp_path: Path, topics: str) -> AsyncIterator[Lag]:
    """An installation in which two customers owe, and all that is stored."""
    async with installation(kafka, database, tmp_path, topics, REMINDER) as made:
        async with made.worker() as work:
            await made.owing(PAYER, OWER)
            await until(lambda: made.all_stored(work, made.clock() - 5 * SECOND), "all is read")
        yield made


@pytest.mark.parametrize("later", [5 * SECOND, 3 * HOUR], ids=["five seconds", "three hours"])
async def test_a_payment_of_a_second_before_suppresses_the_reminder_after_a_stop_of_all_workers(
    lag: Lag, later: int
) -> None:
    lag.clock.put(DUE + later)
    await lag.publish(("payment", PAYER, DUE - SECOND, payment(PAYER, DUE - SECOND)))
    async with lag.worker() as work:
        await until(lambda: reminded(lag, work, OWER), "who owes is reminded")
        assert await lag.told(work, PAYER) == []


async def test_timers_wait_for_a_stopped_intake_and_go_on_with_it(lag: Lag) -> None:
    async with lag.worker("timers,delivery") as timers:
        await lag.publish(("payment", PAYER, DUE - SECOND, payment(PAYER, DUE - SECOND)))
        lag.clock.put(DUE + 5 * SECOND)
        await asyncio.sleep(3)
        lag.clock.put(DUE + 60 * SECOND)
        await asyncio.sleep(2)
        assert timers.fired is not None
        assert timers.fired.frontier is not None
        assert timers.fired.frontier.now >= DUE + 60 * SECOND
        assert not lag.provider.sent
        async with lag.worker("intake") as work:
            await until(lambda: reminded(lag, work, OWER), "who owes is reminded")
            await until(lambda: lag.all_stored(work, DUE), "all is read")
            assert await lag.told(work, PAYER) == []


async def test_a_touch_whose_arming_event_is_read_late_is_not_lost(lag: Lag) -> None:
    late, now = "C-late", lag.clock()
    person = known(late, now, consent=EVERYTHING, timezone="Asia/Shanghai", language="zh-CN")
    await lag.publish(("customer", late, now, person), ("payment", late, now + 1, bill(late, now)))
    lag.clock.put(DUE + HOUR)
    async with lag.worker() as work:
        await until(lambda: reminded(lag, work, late), "both messages")
        rows = await lag.rows(work, late)
        assert {(row.step, row.status, row.due_at) for row in rows} == {("remind", "sent", DUE), ("must", "sent", DUE)}
