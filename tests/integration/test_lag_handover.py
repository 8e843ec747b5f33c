"""Hand-over under lag: marketing and care wait while the intake is behind; urgent never waits behind bulk."""

import asyncio
from pathlib import Path

from sojourn.bootstrap.production import Production
from sojourn.testing.provider import InstantProvider
from tests.integration.lagkit import DUE, SECOND, Lag, installation, until
from tests.unit.rules.small import CARE, MAIL, OFFER, small
from tools.servers import KafkaBroker

CLASSES = [
    small(name, f"schedule: [{{id: {name}, at: due_date 09:00, {send}, valid_for: 2 days}}]", klass=name, only=name)
    for name, send in (("mandatory", MAIL), ("service", MAIL), ("care", CARE), ("marketing", OFFER))
]
WHO = {name: f"C-{name}" for name in ("mandatory", "service", "care", "marketing")}


async def went(lag: Lag, work: Production) -> set[str]:
    """Name the classes of which a message went out."""
    return {name for name, who in WHO.items() if await lag.sent(work, who) == [name]}


async def test_marketing_and_care_wait_while_the_intake_is_more_than_thirty_seconds_behind(
    kafka: KafkaBroker, database: str, tmp_path: Path, topics: str
) -> None:
    async with installation(kafka, database, tmp_path, topics, *CLASSES) as lag:
        async with lag.worker("intake,timers") as work:
            for name, who in WHO.items():
                await lag.owing(who, method=name)
            await until(lambda: lag.all_stored(work, lag.clock() - 5 * SECOND), "all is read")
            lag.clock.put(DUE)
            await until(lambda: ready(work, 4), "all four are ready")
        lag.clock.put(DUE + 60 * SECOND)  # and nobody reads
        async with lag.worker("timers,delivery") as work:
            await until(lambda: lag.sent(work, WHO["service"]), "service goes")
            await asyncio.sleep(2)
            assert await went(lag, work) == {"mandatory", "service"}
            async with lag.worker("intake"):
                await until(lambda: lag.sent(work, WHO["marketing"]), "marketing goes once all is read")
                await until(lambda: lag.sent(work, WHO["care"]), "care goes once all is read")


async def ready(work: Production, count: int) -> bool:
    """Tell whether so many orders wait for hand-over."""
    return sum([lane.ready for lane in await work.views.lanes()]) == count


async def test_partitions_in_which_nothing_ever_was_hold_nothing_up(
    kafka: KafkaBroker, database: str, tmp_path: Path, topics: str
) -> None:
    async with installation(kafka, database, tmp_path, topics, *CLASSES, count=24) as lag, lag.worker() as work:
        await lag.owing(WHO["service"], method="service")
        await until(lambda: lag.all_stored(work, lag.clock() - 5 * SECOND), "all is read")
        lag.clock.put(DUE - 8 * SECOND)
        await until(lambda: lag.sent(work, WHO["service"]), "the message")
        (row,) = await lag.rows(work, WHO["service"])
        assert row.due_at == DUE
        assert row.decided_at - DUE < 5 * SECOND


CAMPAIGN = small("campaign", f"""
    limit: 1000000 per minute
    schedule: [{{id: offer, at: due_date 09:00, {MAIL}, valid_for: 2 days}}]
    """, only="campaign")  # fmt: skip
ALERT = small("alert", f"flow: [{{id: now, {MAIL}, urgent: true}}]", only="alert")
MANY, PER_SECOND = 400, 20


async def draining(work: Production) -> bool:
    """Tell whether most of the campaign waits, all of it in the bulk lane."""
    waiting = {lane.lane: lane.ready for lane in await work.views.lanes() if lane.ready}
    return set(waiting) == {"bulk"} and waiting["bulk"] > MANY // 2


async def test_an_urgent_message_overtakes_a_campaign_that_drains(
    kafka: KafkaBroker, database: str, tmp_path: Path, topics: str
) -> None:
    async with installation(kafka, database, tmp_path, topics, CAMPAIGN, ALERT) as lag:
        lag.provider = InstantProvider(per_second=PER_SECOND)
        async with lag.worker() as work:
            await lag.owing(*(f"C-{n}" for n in range(MANY)), method="campaign")
            await until(lambda: lag.all_stored(work, lag.clock() - 5 * SECOND), "all is read")
            lag.clock.put(DUE)
            await until(lambda: draining(work), "the campaign")
            await lag.owing("C-alert", method="alert")
            before = len(lag.provider.sent)
            await until(lambda: any(one.address == "c-alert@example.com" for one in lag.provider.sent), "the alert")
            (place,) = [n for n, one in enumerate(lag.provider.sent) if one.address == "c-alert@example.com"]
            assert place - before < 5 * PER_SECOND
            assert len(lag.provider.sent) < MANY
