"""A partition that nobody can read for ten minutes: who passes it, what the rows say, and what a person may do."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sojourn.bootstrap.production import Production
from sojourn.bootstrap.watch import GAP_MS, WATCHED_MS
from sojourn.core.model import Row
from sojourn.intake.frontier import STALLED_MS
from sojourn.places import place_of
from sojourn.records import Kept
from tests.acceptance.runkit import environment
from tests.integration.lagkit import DUE, HOUR, MINUTE, SECOND, Lag, installation, payment, until
from tests.unit.rules.small import CARE, MAIL, OFFER, small
from tools.servers import KafkaBroker

EVERY_CLASS = small(
    "manual",
    f"""
    schedule:
      - {{id: must, at: due_date 09:00, {MAIL}, class: mandatory, valid_for: 2 days}}
      - {{id: serve, at: due_date 09:00, {MAIL}, valid_for: 1 day}}
      - {{id: sell, at: due_date 09:00, {OFFER}, class: marketing, valid_for: 3 days}}
    flow:
      - wait: 46 hours
      - {{id: after, {MAIL}, valid_for: 3 days}}
    deadlines:
      - id: staff
        after: 45 hours
        since: payment.due_scheduled
        at_most: 1
        do:
          - {{id: ring, call: escalate, with: {{level: L1, claim_id: = policy_id}}}}
    goal: {{when: payment.received}}
    """,
    only="manual",
)
CARING = small(
    "auto",
    f"""
    schedule:
      - {{id: care, at: due_date 09:00, {CARE}, valid_for: 3 days}}
    """,
    klass="care",
    only="auto",
)
ALL = ["after", "must", "ring", "sell", "serve"]


def named(place: int, count: int, *, but: str = "") -> str:
    """Give a customer whose records lie in a partition."""
    return next(name for n in range(1000) if place_of(name := f"C-{n}") % count == place and name != but)


STUCK, FREE = named(0, 3), named(1, 3)
CARED, FREE_CARED = named(0, 3, but=STUCK), named(1, 3, but=FREE)


@pytest.fixture
async def lag(kafka: KafkaBroker, database: str, tmp_path: Path, topics: str) -> AsyncIterator[Lag]:
    """An installation in which four customers owe, two in either partition."""
    async with installation(kafka, database, tmp_path, topics, EVERY_CLASS, CARING) as made:
        async with made.worker() as work:
            await made.owing(STUCK, FREE)
            await made.owing(CARED, FREE_CARED, method="auto")
            await until(lambda: made.all_stored(work, made.clock() - 5 * SECOND), "all is read")
        yield made


async def watched(lag: Lag, to: int) -> None:
    """Let the clock come to an instant, and let the worker watch for as long as it must."""
    lag.clock.put(to)
    for _ in range(WATCHED_MS // (GAP_MS - 7 * SECOND) + 1):
        await asyncio.sleep(6)
        lag.clock.put(lag.clock() + GAP_MS - 7 * SECOND)
    await asyncio.sleep(6)


async def sent(lag: Lag, work: Production, customer: str) -> list[str]:
    """Give the steps of what went out to a customer, sorted."""
    return sorted(map(str, await lag.sent(work, customer)))


async def waive(lag: Lag, source: str) -> str:
    """Say `sojourn intake waive` as an operator does; give what it prints."""
    words = ["intake", "waive", source, "--for", "7d", "--by", "A. Tester", "--reason", "its disk is lost"]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "sojourn"), *words, "--project", str(lag.folder),
        env=environment(**lag.environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


def row_of(rows: list[Row], step: str, status: str) -> Row:
    """Give the one row of a step with a status."""
    (row,) = [one for one in rows if one.step == step and one.status == status]
    return row


async def test_a_partition_that_cannot_be_read_lets_through_what_the_rule_names_and_a_waiver_the_rest(
    lag: Lag,
) -> None:
    source = lag.source("payment", STUCK)
    await lag.publish(("payment", STUCK, DUE - SECOND, payment(STUCK, DUE - SECOND)))
    with lag.unreadable("payment", STUCK, b"outstanding_cny"):
        lag.clock.put(DUE + 5 * SECOND)
        async with lag.worker() as work:
            await until(lambda: others_go_on(lag, work), "timers of the other partition's customers")
            lag.clock.put(DUE + STALLED_MS - MINUTE)
            await asyncio.sleep(2)
            assert [await lag.told(work, who) for who in (STUCK, CARED, FREE_CARED)] == [[], [], []]

            await watched(lag, DUE + STALLED_MS + MINUTE)
            assert await sent(lag, work, STUCK) == ["must", "ring"]
            await watched(lag, DUE + 18 * HOUR)
            assert await sent(lag, work, STUCK) == ["must", "ring", "serve"]
            assert await lag.told(work, CARED) == []
            rows = await lag.rows(work, STUCK)
            assert {row.detail.get("stalled_source") for row in rows if row.status == "sent"} == {source}

            assert source in await waive(lag, source)
            await until(lambda: passed(lag, work), "the rest, by the waiver")
    async with lag.worker() as work:
        await until(lambda: lag.stored(work, source, DUE), "it is read")
        moments = (await work.views.timeline(STUCK, 99)).moments
        assert next(one.what.type for one in moments if isinstance(one.what, Kept)) == "payment.received"


async def others_go_on(lag: Lag, work: Production) -> bool:
    """Tell whether those whose partition can be read have got all but marketing and care: the intake is behind."""
    return await sent(lag, work, FREE) == ["after", "must", "ring", "serve"]


async def passed(lag: Lag, work: Production) -> bool:
    """Tell whether all customers have got everything."""
    all_sent = [await sent(lag, work, who) for who in (STUCK, FREE, CARED, FREE_CARED)]
    return all_sent == [ALL, ALL, ["care"], ["care"]]
