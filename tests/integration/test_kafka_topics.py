"""Topics on a real broker: made once, found again, judged as they are; and the command that does it."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic
from typer.testing import CliRunner

from sojourn.cli.app import app
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.topic_rules import Asked, Wanted
from sojourn.kafka.topics import TopicsUnreachable, check_topics, make_topics
from sojourn.outputs import TOPICS
from tools.servers import KafkaBroker, KafkaCluster, free_port
from tools.servers.admin import administrator

PROJECT = Path(__file__).parents[2]


async def create(broker: KafkaBroker, name: str, partitions: int = 1, **settings: str) -> None:
    given = {word.replace("_", "."): value for word, value in settings.items()}
    async with administrator(broker.bootstrap) as admin:
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=given)])
        assert [code for _, code, _ in answer.topic_errors] == [0]
        for _ in range(100):
            if not (await admin.describe_topics([name]))[0]["error_code"]:
                break
            await asyncio.sleep(0.05)


async def test_missing_topics_are_created_and_the_second_time_there(kafka: KafkaBroker, topics: str) -> None:
    wanted = (Wanted(f"{topics}in", "input"), Wanted(f"{topics}out", "output"))
    access = KafkaAccess(kafka.bootstrap)
    before = await check_topics(access, wanted)
    assert [(one.level, one.topic) for one in before] == [("error", one.name) for one in wanted]
    made = await make_topics(access, wanted, Asked(partitions=4))
    assert [one.topic for one in made if one.what == "created"] == [one.name for one in wanted]
    again = await make_topics(access, wanted, Asked(partitions=9))
    assert [one.what for one in again if one.level == "ok"] == ["4 partitions, 1 copy"] * 2
    assert await check_topics(access, wanted) == again
    assert not [one for one in again if one.level in ("warning", "error")]


async def test_a_topic_of_another_owner_is_not_created(kafka: KafkaBroker, topics: str) -> None:
    found = await make_topics(KafkaAccess(kafka.bootstrap), [Wanted(f"{topics}foreign", "foreign")], Asked())
    assert [one.level for one in found] == ["error"]
    assert "owner" in found[0].next_step


async def test_a_dangerous_topic_is_seen_and_left_as_it_is(kafka: KafkaBroker, topics: str) -> None:
    wanted = [Wanted(f"{topics}in", "input")]
    await create(kafka, wanted[0].name, 2, cleanup_policy="compact", max_message_bytes="100000")
    for _ in range(2):
        found = await make_topics(KafkaAccess(kafka.bootstrap), wanted, Asked())
        assert [one.level for one in found] == ["note", "error", "note", "warning"]


async def test_copies_that_the_brokers_cannot_keep_are_told(kafka: KafkaBroker, topics: str) -> None:
    found = await make_topics(KafkaAccess(kafka.bootstrap), [Wanted(f"{topics}in", "input")], Asked(replication=3))
    assert [one.level for one in found] == ["error"]
    assert found[0].next_step == "There are 1 brokers: give --replication 1, or add brokers"


async def test_nobody_there() -> None:
    with pytest.raises(TopicsUnreachable) as caught:
        await check_topics(KafkaAccess(f"127.0.0.1:{free_port()}"), [Wanted("in", "input")])
    assert caught.value.next_step


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker that nobody else has made a topic on."""
    with KafkaBroker(tmp_path / "kafka") as broker:
        yield broker


def test_the_command_makes_all_topics_of_a_project(
    empty: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PROJECT / "schemas", tmp_path / "schemas")
    monkeypatch.setenv("SOJOURN_KAFKA", empty.bootstrap)
    runner = CliRunner()
    missing = runner.invoke(app, ["topics", "--check", "--project", str(tmp_path)])
    assert (missing.exit_code, missing.stdout.count("ERROR")) == (1, 16)
    made = runner.invoke(app, ["topics", "--partitions", "2", "--json", "--project", str(tmp_path)])
    assert made.exit_code == 0, made.stdout
    created = {one["topic"] for one in json.loads(made.stdout)["findings"] if one["what"] == "created"}
    assert {one.name for one in TOPICS} < created
    assert len(created) == 16
    good = runner.invoke(app, ["topics", "--check", "--project", str(tmp_path)])
    assert (good.exit_code, good.stdout.count("ERROR")) == (0, 0)


def test_the_command_without_a_broker_is_told(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "schemas", tmp_path / "schemas")
    assert "SOJOURN_KAFKA" not in os.environ
    done = CliRunner().invoke(app, ["topics", "--project", str(tmp_path)])
    assert done.exit_code != 0
    assert "No Kafka broker is named" in str(done.exception)


async def test_a_cluster_keeps_three_copies_and_tells_of_a_broker_that_is_away(tmp_path: Path) -> None:
    wanted = [Wanted("in", "input")]
    cluster = KafkaCluster(tmp_path)
    try:
        await asyncio.to_thread(cluster.start)
        access = KafkaAccess(cluster.bootstrap)
        made = await make_topics(access, wanted, Asked(partitions=3))
        assert [(one.level, one.what) for one in made] == [("ok", "created"), ("ok", "3 partitions, 3 copies")]
        cluster.brokers[2].kill9()
        found = made
        for _ in range(100):
            found = [one for one in await check_topics(access, wanted) if one.level != "note"]
            if [one.what for one in found] == ["3 of 3 partitions lack a copy that is in step"]:
                break
            await asyncio.sleep(0.1)
        assert [(one.level, one.what) for one in found] == [
            ("warning", "3 of 3 partitions lack a copy that is in step")
        ]
    finally:
        await asyncio.to_thread(cluster.discard)
