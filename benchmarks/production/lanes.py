"""Touchpoints, a burst of timers, and reactions while it drains: a worker with all roles and a gateway on this machine.

The events are of now. People live where it is noon, so that no quiet hours hold back what is measured. A campaign is
written as a bank would write one: with a limit that its gateway bears, here 100 messages a second.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import msgspec

from benchmarks.production.feed import Feed, feeding
from benchmarks.production.installation import Installation, ask, cpu_s, looking, metrics
from benchmarks.run_sqlite import claim, known
from benchmarks.synthetic.people import make_person
from benchmarks.world import SEED
from sojourn.rows import instant_text
from tools.servers import SojournWorker

LEAST_TOUCHPOINTS: Final = 1_200
GOAL_TOUCHPOINTS: Final = 2_000
LEAST_DRAIN: Final = 4_000
MOST_URGENT_MS: Final = 500
MOST_REACTION_MS: Final = 1_000
MOST_URGENT_IN_BURST_MS: Final = 1_000
_LONGEST_S: Final = 200
_SLOWEST: Final = 500  # records stored, and timers run, a second: whoever is slower has failed
_WAIT_MS: Final = 3_600_000
_HOUR: Final = 3_600_000

_JOURNEY: Final = """\
# {what}; written by the benchmark.
journey: {name}
name: {{zh: 压力测试, en: Load}}
stage: reach
class: care
priority: 10
metric: none
guardrail: none
start:
  when: {when}
key: []
again: never
{more}flow:
{wait}  - {{id: greet, send: birthday_basic, by: sms}}
promises:
  - every run ends within 3 days
"""
CAMPAIGN: Final = _JOURNEY.format(
    what="Whoever becomes known gets one message an hour later, in lane bulk",
    name="load_campaign",
    when="customer.updated",
    more="limit: 360000 per hour\n",
    wait="  - wait: 1 hour\n",
)
_GREETING: Final = _JOURNEY.format(
    what="Who enquires gets one message at once", name="load_greeting", when="enquiry.made", more="", wait=""
)

# From the record's timestamp to the hand-over, of the messages of some steps that were handed over since an instant.
_REACTIONS: Final = """SELECT l.step, l.handed_over_at - i.arrival AS ms
FROM log l JOIN inbox i ON i.event_id = l.event_id
WHERE l.journey = 'claim_status' AND l.status = 'sent' AND l.channel = 'sms' AND i.arrival >= $1"""
_SENT: Final = "SELECT count(*) AS messages FROM log WHERE status = 'sent'"


def _now() -> int:
    return int(time.time() * 1000)


def noon() -> str:
    """Name the time zone in which it is about noon."""
    east = 12 - datetime.now(UTC).hour
    return "Etc/GMT" if not east else f"Etc/GMT{'-' if east > 0 else '+'}{abs(east)}"  # POSIX counts westward


def person(prefix: str, number: int, at: int) -> bytes:
    """Give the event of a customer who can be reached by SMS alone, and may be."""
    profile = make_person(number, Random(f"{SEED}:{number}")).profile
    profile["customer_id"] = f"{prefix}{number:07d}"
    profile["timezone"] = noon()
    profile["consent"] = {name: {"sms": True, "email": False} for name in ("marketing", "care")}
    profile["deceased"] = False
    return known(profile, at, mail=False)


def _event(name: str, kind: str, customer: str, entity: tuple[str, str, int], payload: dict[str, Any]) -> bytes:
    event = {
        "event_id": name, "type": kind, "occurred_at": instant_text(_now()), "source": "benchmark",
        "customer_id": customer, "entity": {"type": entity[0], "id": entity[1], "seq": entity[2]}, "payload": payload,
    }  # fmt: skip
    return msgspec.json.encode(event)


def enquiry(customer: str) -> bytes:
    """Give the event that is answered with a greeting."""
    payload: dict[str, Any] = {
        "product_line": "life",
        "product_id": None,
        "channel": "web",
        "keywords": [],
        "dwell_seconds": 60,
    }
    return _event(f"ENQ-{customer}", "enquiry.made", customer, ("customer", customer, 2), payload)


def moved(number: int, customer: str) -> bytes:
    """Give the event that a claim reached another node: one SMS in lane normal."""
    payload = {
        "claim_id": f"K-{number}", "claim_no": f"CN{number:08d}", "node": "assessment", "expected_by": "2030-01-01",
    }  # fmt: skip
    return _event(f"MOVED-{number}", "claim.status_changed", customer, ("claim", f"K-{number}", 2), payload)


def activity(number: int, customer: str) -> bytes:
    """Give the event that most events are: remembered, and nothing follows."""
    payload = {"product_line": "life", "kind": "login", "channel": "app", "amount": None}
    return _event(f"ACT-{number}", "activity.recorded", customer, ("customer", customer, number + 3), payload)


async def _stored(place: Installation, database: str, wanted: int) -> None:
    """Let a worker store what lies on the topics."""
    worker = place.worker(database, roles=["intake"])
    await asyncio.to_thread(worker.start)
    began, longest = time.perf_counter(), _LONGEST_S + wanted / _SLOWEST
    async with looking(database) as look:
        while (at := await look()) < wanted:
            if time.perf_counter() > began + longest:
                raise SystemExit(f"only {at} of {wanted} records were stored in {longest:.0f} s:\n{worker.tail()}")
            await asyncio.sleep(0.2)
    await asyncio.to_thread(worker.stop)


async def touchpoints(place: Installation, count: int) -> bool:
    """Store enquiries, then let a worker that only delivers hand over what they brought; tell whether it is fast."""
    (place.home / "journeys" / "load_greeting.yaml").write_text(_GREETING, encoding="utf-8")
    database = place.database()
    at = _now()
    async with feeding(place.kafka.bootstrap, place.project.catalogue) as feed:
        await feed.put((person("T", n, at) for n in range(count)), at)
        await feed.put((enquiry(f"T{n:07d}") for n in range(count)), _now())
    await _stored(place, database, 2 * count)
    worker = place.worker(database, roles=["delivery"], ways_out=place.gateway())
    await asyncio.to_thread(worker.start)
    began, before, cpu = time.perf_counter(), await _sent(database), cpu_s(worker.pid)
    sent = before
    while sent < count and time.perf_counter() < began + _LONGEST_S:
        await asyncio.sleep(0.1)
        sent = await _sent(database)
    seconds, cpu = time.perf_counter() - began, cpu_s(worker.pid) - cpu
    await asyncio.to_thread(worker.stop)
    rate = (sent - before) / seconds
    print(
        f"touchpoints: {rate:.0f} messages a second rendered, taken, logged; {cpu / (sent - before) * 1e6:.0f} "
        f"us of the worker's processor each (at least {LEAST_TOUCHPOINTS}, goal {GOAL_TOUCHPOINTS})"
    )
    return rate >= LEAST_TOUCHPOINTS


async def _sent(database: str) -> int:
    return int((await ask(database, _SENT))[0]["messages"])


async def lanes(place: Installation, bulk: int, rate: int, seconds: int) -> bool:
    """Fire the timers of a campaign at once with claims in between, then react to events while its messages drain."""
    (place.home / "journeys" / "load_campaign.yaml").write_text(CAMPAIGN, encoding="utf-8")
    database, ways_out = place.database(), place.gateway()
    reacting = rate * seconds // 10  # who files a claim then; behind them who files one during the burst
    claimants = reacting + 1_000 + bulk // 50
    past = _now() - _WAIT_MS - 60_000  # their timers were due a minute ago, all of them at once
    async with feeding(place.kafka.bootstrap, place.project.catalogue) as feed:
        count = await feed.put((person("B", n, past) for n in range(bulk)), past)
        count += await feed.put((person("T", n, past) for n in range(claimants)), past)
        await _stored(place, database, count)
        worker = place.worker(database, ways_out=ways_out)
        await asyncio.to_thread(worker.start)
        good = await _burst(place, feed, worker, database, count, reacting)
        good &= await _reaction(feed, database, rate, seconds)
    await asyncio.to_thread(worker.stop)
    return good


async def _burst(
    place: Installation, feed: Feed, worker: SojournWorker, database: str, timers: int, first_claim: int
) -> bool:
    """Measure how fast the timers drain, and how long claims take meanwhile."""
    began, at, number = time.perf_counter(), _now(), 0
    spent = _spent(place, worker)
    rows, fired = [(began, 0.0)], 0.0
    while fired < timers * 0.99 and time.perf_counter() - began < _LONGEST_S + timers / _SLOWEST:
        claimed = first_claim + number
        await feed.put([claim(claimed, f"T{claimed:07d}", _now())], _now())
        number += 1
        await asyncio.sleep(0.1)
        fired = (await asyncio.to_thread(metrics, worker)).get("sojourn_timers_fired_total", 0.0)
        if fired > rows[-1][1]:
            rows.append((time.perf_counter(), fired))
    each = [(after - before) / fired * 1e6 for before, after in zip(spent, _spent(place, worker), strict=True)]
    await asyncio.sleep(3)
    drain = (rows[-1][1] - rows[1][1]) / (rows[-1][0] - rows[1][0]) if len(rows) > 2 else 0.0
    urgent = _p99(row["ms"] for row in await ask(database, _REACTIONS, at) if row["step"] == "ack")
    print(
        f"burst: {rows[-1][1]:.0f} timers due at one instant ran at {drain:.0f} a second (at least {LEAST_DRAIN}) and "
        f"took {each[0]:.0f} us of the worker's processor each, {each[1]:.0f} of PostgreSQL's, {each[2]:.0f} of the "
        f"broker's, {each[3]:.0f} of what measures it; "
        f"urgent messages in between were handed over within {urgent:.0f} ms, p99 of {number} "
        f"(at most {MOST_URGENT_IN_BURST_MS})"
    )
    return drain >= LEAST_DRAIN and urgent <= MOST_URGENT_IN_BURST_MS


def _spent(place: Installation, worker: SojournWorker) -> list[float]:
    """Give the processor seconds of the worker, PostgreSQL, the broker and this process."""
    return [cpu_s(worker.pid), *place.spent(), time.process_time()]


async def _reaction(feed: Feed, database: str, rate: int, seconds: int) -> bool:
    """Publish events at a steady rate, one in ten a claim and one in ten its next node, and measure the reactions."""
    at, began = _now(), time.perf_counter()
    total = rate * seconds
    waiting = "SELECT count(*) AS n FROM outbox WHERE lane = 2"
    left = (await ask(database, waiting))[0]["n"]
    for number in range(total):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        place, kind = divmod(number, 10)
        customer = f"T{place:07d}"
        one = activity(number, f"B{number % 500:07d}")
        if kind == 0:
            one = claim(place, customer, _now())
        elif kind == 5 and place >= rate:  # ten seconds after it was filed
            one = moved(place - rate, f"T{place - rate:07d}")
        await feed.post(one, _now())
    await feed.flush()
    still = (await ask(database, waiting))[0]["n"]
    await asyncio.sleep(5)
    found = await ask(database, _REACTIONS, at)
    urgent = _p99(row["ms"] for row in found if row["step"] == "ack")
    normal = _p99(row["ms"] for row in found if row["step"] != "ack")
    print(
        f"reaction at {rate} events/s, {left} bulk messages before it and {still} after it: p99 {normal:.0f} ms "
        f"(at most {MOST_REACTION_MS}), urgent {urgent:.0f} ms (at most {MOST_URGENT_MS}), of {len(found)} messages"
    )
    return normal <= MOST_REACTION_MS and urgent <= MOST_URGENT_MS


def _p99(values: Iterable[int]) -> float:
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]) if ordered else float("inf")
