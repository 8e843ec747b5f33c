"""`sojourn worker` on a real broker and a real database: one event in, one message out, whatever is killed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sojourn.testing.servers import Gateway
from tests.acceptance.runkit import command, event, insurer, person
from tests.acceptance.workerkit import Worker, make_topics, project, publish, setting, until, workers
from tools.servers import KafkaBroker, PostgresServer

NOWHERE = "127.0.0.1:1"
NAMES = ("cj.customer.v1", "cj.claim.v1", "cj.kyc.v1", "cj.control.v1")
TOPICS = {"customer.updated": "cj.customer.v1", "claim.filed": "cj.claim.v1"}


@pytest.fixture(scope="module")
def broker() -> Any:
    """A broker of this module's own: the topics' names are those of the project."""
    with KafkaBroker() as one:
        asyncio.run(make_topics(one.bootstrap, NAMES))
        yield one


def claims(*numbers: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Give for each number the two events after which one SMS goes out."""
    told = [one for n in numbers for one in (person(f"C-{n}"), event(n, customer=f"C-{n}"))]
    return [(TOPICS[one["type"]], one["customer_id"], one) for one in told]


def told(gateway: Gateway, number: int) -> bool:
    """Tell whether the SMS about a claim went out: its text names the claim."""
    return any(f"LP{number}" in msgspec.json.decode(body)["text"] for _, body in gateway.got)


async def part(worker: Worker, name: str, says: str) -> bool:
    """Tell whether a part of readyz is not well and says so."""
    return says in (await worker.get("/readyz"))["parts"].get(name, {}).get("why", "")


async def stored(worker: Worker, topic: str) -> bool:
    """Tell whether records of each partition of a topic were stored, or seen not to be there."""
    figures = await worker.text("/metrics")
    return all(f'sojourn_stored_to_seconds{{source="kafka:{topic}/{n}"}}' in figures for n in range(3))


async def all_rows(worker: Worker) -> list[dict[str, Any]]:
    """Give the log, newest first."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await worker.get(f"/v1/log?limit=1000{cursor}")
        rows += page["rows"]
        if not page["next"]:
            return rows
        cursor = f"&cursor={page['next']}"


async def settled(worker: Worker, count: int) -> bool:
    """Tell whether so many SMS have a last row that says what became of them."""
    last: dict[str, str] = {}
    for row in await all_rows(worker):
        if row["channel"] == "sms":
            last.setdefault(row["message_id"], row["status"])
    return sum(status in ("sent", "in_doubt") for status in last.values()) >= count


def texts(gateway: Gateway) -> Counter[str]:
    """Count what the gateway got by message id."""
    return Counter(head["Idempotency-Key"] for head, _ in gateway.got)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A local SMS gateway."""
    async with Gateway() as one:
        yield one


async def test_one_event_in_and_one_message_out(
    tmp_path: Path, broker: KafkaBroker, database: str, topics: str, gateway: Gateway
) -> None:
    """From Kafka and over HTTP; readyz and metrics tell; the end is clean."""
    worker = Worker(project(tmp_path / "p"), setting(database, broker.bootstrap, topics, SOJOURN_SMS=gateway.url))
    async with workers(worker):
        await worker.start()
        await publish(broker.bootstrap, claims(1))
        await until(lambda: told(gateway, 1), "the SMS of a record", 40)
        assert await worker.post([one for _, _, one in claims(2)]) == 202
        await until(lambda: told(gateway, 2), "the SMS of a request")
        parts = (await worker.get("/readyz"))["parts"]
        assert {name: parts[name]["status"] for name in ("store", "brokers", "intake", "timers", "delivery")} == {
            "store": "ok", "brokers": "ok", "intake": "ok", "timers": "ok", "delivery": "ok",
        }  # fmt: skip
        assert 'sojourn_lag_records{source="kafka:cj.claim.v1/0"} 0.0' in await worker.text("/metrics")
        assert await worker.stop() == 0
    assert max(texts(gateway).values()) == 1


async def test_fausts_own_command_is_the_same(
    tmp_path: Path, broker: KafkaBroker, database: str, topics: str, gateway: Gateway
) -> None:
    env = setting(database, broker.bootstrap, topics, SOJOURN_SMS=gateway.url, SOJOURN_KAFKA_BEGIN="earliest")
    worker = Worker(project(tmp_path / "p"), env, faust=True)
    async with workers(worker):
        await worker.start()
        await publish(broker.bootstrap, claims(21))
        await until(lambda: told(gateway, 21), "the SMS", 40)
        assert await worker.stop() == 0


async def test_a_word_on_the_control_topic_is_obeyed_or_kept(
    tmp_path: Path, broker: KafkaBroker, database: str, topics: str
) -> None:
    worker = Worker(project(tmp_path / "p"), setting(database, broker.bootstrap, topics))
    word = {"kind": "waive", "sources": ["cj.claim.v1"], "seconds": 60, "by": "A. Tester", "reason": "rehearsal"}
    async with workers(worker):
        await worker.start()
        await until(lambda: stored(worker, "cj.claim.v1"), "the sources", 40)
        rubbish = [None, {"kind": "dance"}, {**word, "by": "\0"}]  # each in front of the word that counts
        await publish(broker.bootstrap, [("cj.control.v1", "x", one) for one in [*rubbish, word]])
        await until(lambda: part(worker, "sources", "by a waiver"), "the waiver")
        await until(lambda: part(worker, "dead_letters", "bad_control"), "the dead letter")


@pytest.mark.parametrize("missing", ["SOJOURN_DATABASE", "SOJOURN_MASTER_KEY"])
def test_it_makes_no_database_and_no_key_of_its_own(tmp_path: Path, missing: str) -> None:
    folder = project(tmp_path / "p")
    env = {"SOJOURN_DATABASE": f"postgresql://x@{NOWHERE}/x", "SOJOURN_KAFKA": NOWHERE, "SOJOURN_MASTER_KEY": "ab" * 32}
    ended = command("worker", "--project", str(folder), **{name: env[name] for name in env if name != missing})
    assert ended.status == 2
    assert missing in ended.err
    assert not list((folder / "var").glob("*"))


@pytest.mark.parametrize("away", ["broker", "database"])
async def test_it_starts_and_ends_while_something_is_away(
    tmp_path: Path, broker: KafkaBroker, database: str, topics: str, away: str
) -> None:
    env = setting(database, broker.bootstrap, topics)
    env |= {"SOJOURN_KAFKA": NOWHERE} if away == "broker" else {"SOJOURN_DATABASE": f"postgresql://x@{NOWHERE}/x"}
    worker = Worker(project(tmp_path / "p"), env)
    async with workers(worker):
        await worker.start(wait=away == "broker")
        if away == "broker":
            assert await part(worker, "brokers", "takes no connection")
            assert await worker.post([one for _, _, one in claims(41)]) == 202
        else:
            await until(lambda: "cannot be made" in worker.said, "a word about the database")
        assert await worker.stop() == 0


async def test_it_outlives_outages_and_ends_in_the_middle_of_one(tmp_path: Path, topics: str, gateway: Gateway) -> None:
    with KafkaBroker() as kafka, PostgresServer() as postgres:
        await make_topics(kafka.bootstrap, NAMES)
        database = await asyncio.to_thread(postgres.create_database, "outages")
        worker = Worker(project(tmp_path / "p"), setting(database, kafka.bootstrap, topics, SOJOURN_SMS=gateway.url))
        async with workers(worker):
            await worker.start()
            for number, server in enumerate((kafka, postgres)):
                await asyncio.to_thread(server.kill9)
                await asyncio.sleep(2)
                await asyncio.to_thread(server.start)
                await publish(kafka.bootstrap, claims(50 + number))
                await until(partial(told, gateway, 50 + number), f"an SMS after {server}", 150)
            kafka.freeze()
            postgres.freeze()
            try:
                await asyncio.sleep(1)
                assert await worker.stop() == 0
            finally:
                kafka.thaw()
                postgres.thaw()


async def test_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, broker: KafkaBroker, database: str, topics: str, gateway: Gateway
) -> None:
    """Two workers without agents are killed in turn while events come in; what is in doubt was in flight at a kill."""
    env = setting(database, broker.bootstrap, topics, SOJOURN_SMS=gateway.url)
    pair = [Worker(insurer(tmp_path / name), env) for name in ("a", "b")]
    numbers = range(1000, 1120)
    async with workers(*pair):
        for one in pair:
            await one.start()
        for at in range(0, len(numbers), 40):
            await publish(broker.bootstrap, claims(*numbers[at : at + 40]))
            await asyncio.sleep(1)
            one = pair[at // 40 % 2]
            await one.kill()
            await one.start()
        await until(lambda: settled(pair[0], len(numbers)), "a row sent or in doubt for each", 120)
        rows = await all_rows(pair[0])
        for one in pair:
            assert await one.stop() == 0
    last = {row["message_id"]: row["status"] for row in reversed(rows) if row["channel"] == "sms"}
    sent = texts(gateway)
    ours = {name for name, status in last.items() if status == "sent"}
    assert max(sent[name] for name in ours) == 1
    assert ours <= set(sent)
    assert Counter(last.values())["in_doubt"] <= 3 * 64


async def test_a_topic_of_rubbish_is_left_and_the_others_go_on(
    tmp_path: Path, broker: KafkaBroker, database: str, topics: str, gateway: Gateway
) -> None:
    await publish(broker.bootstrap, [("cj.kyc.v1", f"C-{n}", {"no": "event"}) for n in range(600)])
    worker = Worker(project(tmp_path / "p"), setting(database, broker.bootstrap, topics, SOJOURN_SMS=gateway.url))
    async with workers(worker):
        await worker.start()
        await until(lambda: part(worker, "intake", "cj.kyc.v1"), "the topic is left", 60)
        await publish(broker.bootstrap, claims(61))
        await until(lambda: told(gateway, 61), "the SMS", 40)
