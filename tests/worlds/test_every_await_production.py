"""A worker that is killed at any await of one event's way, on Kafka and PostgreSQL: the next one completes it.

About sixty points that lie evenly on the way; with SOJOURN_EVERY_AWAIT=1 every one of them (some minutes).
"""

import asyncio
import json
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from sojourn.outputs import MESSAGES
from tests.worlds.test_every_await import ROOT, Story, check, doubts, handed_over
from tools.servers import KafkaBroker, PostgresServer

POINTS = 60
EVERY = os.environ.get("SOJOURN_EVERY_AWAIT", "") not in ("", "0")


async def stories(folder: Path, server: str, kafka: str) -> list[Story]:
    """Give the undisturbed story, those of the stops, and what the output topics hold at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.worlds.stops_production", str(folder), server, kafka,
        str(1_000_000 if EVERY else POINTS),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-5000:]
    return [json.loads(line) for line in said.splitlines()]


def check_told(told: list[list[str]], every: list[Story]) -> None:
    """Hold the output topics against the logs: each row was told, in each story, and an id always says the same."""
    says: dict[tuple[str, str], set[str]] = defaultdict(set)
    times: Counter[tuple[str, str]] = Counter()
    for event_id, topic, what in told:
        says[topic, event_id].add(what)
        if topic == MESSAGES:
            message, status, *_ = json.loads(what)
            times[message, status] += 1
    assert all(len(one) == 1 for one in says.values()), "one id, two records"
    rows = Counter((row["message_id"], row["status"]) for story in every for row in story["rows"])
    assert {key for key, count in rows.items() if times[key] < count} == set(), "a row was not told"


@pytest.mark.serial
@pytest.mark.timeout(1200)
async def test_a_kill_at_any_await_of_an_event(tmp_path: Path, postgres: PostgresServer) -> None:
    with KafkaBroker() as broker:  # its own: the topics' names are those of the project
        whole, *stops, end = await stories(tmp_path / "site", postgres.dsn, broker.bootstrap)
    assert {row["status"] for row in whole["rows"]} == {"sent"}
    assert {row["channel"] for row in whole["rows"]} == {"sms", "email", "call"}
    assert len(stops) >= POINTS
    # Two runs may differ by a few steps: what the database has told already is not awaited.
    assert all(story["died"] for story in stops[:-3])
    for story in [whole, *stops]:
        check(story, whole)
    check_told(end["told"], [whole, *stops])
    # The stops lie on all sides: before it was stored, between the provider's yes and the record of it, behind all.
    assert {story["stored"] for story in stops} == {True, False}
    assert {doubts(story) for story in stops} >= {0, 2}
    assert any(max(handed_over(story)["call"].values()) == 2 for story in stops)
