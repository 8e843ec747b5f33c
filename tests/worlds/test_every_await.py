"""An engine that is killed at any await of one event's way loses nothing and sends nothing twice (Kill anything).

Each stop is a real process that gets SIGKILL before that step; a new engine then starts on the same files, and the
publisher sends again what nobody told him is stored. What comes of it is compared with the undisturbed run.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
INSTANTS = ("due_at", "decided_at", "handed_over_at")
Story = dict[str, Any]


async def stories(folder: Path, kind: str, first: int, stride: int) -> list[Story]:
    """Give the undisturbed story and those of the stops, the last of which was not reached."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.worlds.stops", str(folder), kind, str(first), str(stride),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    told, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in told.splitlines()]


def handed_over(story: Story) -> dict[str, Counter[str]]:
    """Give how often the provider took each message, by channel."""
    found: dict[str, Counter[str]] = {"sms": Counter(), "email": Counter(), "call": Counter()}
    for line in story["sent"]:
        if line:
            channel, name = line.split()
            found[channel][name] += 1
    return found


def settled(row: dict[str, Any]) -> dict[str, Any]:
    """What must be the same however late it was written."""
    return {name: value for name, value in row.items() if name not in INSTANTS}


def check(story: Story, whole: Story) -> None:
    """Hold one story against the undisturbed one."""
    at = f"stop {story['stop']}"
    rows = {row["message_id"]: row for row in story["rows"]}
    want = {row["message_id"]: row for row in whole["rows"]}
    assert len(rows) == len(story["rows"]), f"{at}: a row twice"
    assert set(rows) == set(want), f"{at}: a message is missing or new"
    assert story["counts"] == whole["counts"], at
    assert story["left"] == 0, f"{at}: an order is left"
    taken = handed_over(story)
    for name, row in rows.items():
        often = taken[row["channel"]][name]
        if row["status"] == "in_doubt" and row["channel"] != "call":
            assert row["reason"] == "unknown_outcome"
            assert often <= 1, f"{at}: twice"
        else:
            assert settled(row) == settled(want[name]), at
            assert often == 1 or (often == 2 and row["channel"] == "call"), f"{at}: {row['channel']} {often} times"


def doubts(story: Story) -> int:
    """How many messages the story leaves in doubt."""
    return sum(row["status"] == "in_doubt" for row in story["rows"])


@pytest.mark.serial
@pytest.mark.timeout(1200)
async def test_a_kill_at_any_await_of_an_event(tmp_path: Path) -> None:
    whole, *stops, end = await stories(tmp_path, "turns", 1, 1)
    assert {row["status"] for row in whole["rows"]} == {"sent"}
    assert {row["channel"] for row in whole["rows"]} == {"sms", "email", "call"}
    # Every step was a stop. Two runs may differ by a few: what the database's thread has told already is not awaited.
    assert [story["stop"] for story in stops] == [*range(1, len(stops) + 1)]
    assert all(story["died"] for story in stops)
    assert not end["died"]
    assert abs(len(stops) - whole["steps"]) <= 5
    for story in stops:
        check(story, whole)
    # The stops lie on all sides: before it was told, between the provider's yes and the record of it, behind all.
    assert {story["told"] for story in stops} == {True, False}
    assert {doubts(story) for story in stops} >= {0, 2}
    assert any(handed_over(story)["call"].most_common(1)[0][1] == 2 for story in stops)


@pytest.mark.serial
@pytest.mark.timeout(1200)
async def test_a_kill_at_a_step_of_the_engines_own_loops(tmp_path: Path) -> None:
    whole, *stops, _ = await stories(tmp_path, "loops", 2, 9)
    assert len(stops) > 8
    for story in stops:
        check(story, whole)
    assert {story["told"] for story in stops} == {True, False}
