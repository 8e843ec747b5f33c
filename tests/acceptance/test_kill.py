"""SIGKILL at 20 random moments while 2,000 events come in over HTTP and messages go out (issue: Bad input).

The real command, a real gateway and a real mail server. Afterwards: nothing lost, nothing twice, in doubt at most
the calls that were in flight at the kills, and all of it visible in the log.
"""

import asyncio
import contextlib
import email
import json
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sojourn.testing.servers import Gateway, MailServer
from tests.integration.enginekit import insurer

CUSTOMERS = 1_000
BATCH = 20
KILLS = 20
KEY = "a-synthetic-key"
EXPECTED = {"sms", "email", "call"}  # what a filed claim leads to at once


class Command:
    """`sojourn run` as a process that is killed and started again."""

    def __init__(self, project: Path, env: dict[str, str]) -> None:
        self._project, self._env = project, env
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""
        self.up = asyncio.Event()
        self.leased_at_kills = 0
        self._errors = (project / "stderr.log").open("ab")

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("sojourn")), "run", "--project", str(self._project),
            env=self._env, stdout=asyncio.subprocess.PIPE, stderr=self._errors,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            ready = json.loads(await self._process.stdout.readline())
        assert ready["event"] == "ready"
        self.url = ready["url"]
        self.up.set()

    async def kill(self) -> None:
        """Kill without warning and count what it had in hand: orders that are leased."""
        assert self._process is not None
        self.up.clear()
        self._process.kill()
        await self._process.wait()
        with contextlib.closing(sqlite3.connect(self._project / "var" / "sojourn.db")) as database:
            count = "SELECT count(*) FROM outbox WHERE lease_until IS NOT NULL AND kind = 'deliver'"
            self.leased_at_kills += database.execute(count).fetchone()[0]

    async def stop(self) -> None:
        self._errors.close()
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(12):
            assert await self._process.wait() == 0


def events_of(number: int) -> list[dict[str, Any]]:
    """Two events of one synthetic customer: he becomes known, and files a claim."""
    name, now = f"K{number}", datetime.now(UTC).isoformat()
    head = {"occurred_at": now, "customer_id": name}
    profile = {
        "name": "测试", "salutation_zh": "测试女士", "salutation_en": "Ms Test",
        "mobile": f"+86138{number:08d}", "email": f"k{number}@example.com",
    }  # fmt: skip
    claim = {
        "claim_id": f"CL-{number}", "claim_no": f"N{number}", "policy_id": f"P-{number}", "claim_type": "medical",
        "claimed_cny": "100.00", "filed_via": "app", "docs_needed": ["invoice"],
    }  # fmt: skip
    known = {"event_id": f"known-{number}", "type": "customer.updated", "source": "CRM"}
    filed = {
        "event_id": f"filed-{number}", "type": "claim.filed", "source": "Claims",
        "entity": {"type": "claim", "id": f"CL-{number}", "seq": 1},
    }  # fmt: skip
    return [
        head | known | {"payload": {"changed": sorted(profile), "profile": profile}},
        head | filed | {"payload": claim},
    ]


async def publish(command: Command, client: aiohttp.ClientSession) -> Counter[str]:
    """Send every event until the engine has said that it is stored."""
    told: Counter[str] = Counter()
    for first in range(0, CUSTOMERS, BATCH):
        body = json.dumps([event for n in range(first, first + BATCH) for event in events_of(n)])
        while True:
            await command.up.wait()
            try:
                headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
                async with client.post(f"{command.url}/v1/events", data=body, headers=headers) as answer:
                    if answer.status == 202:
                        said = await answer.json()
                        assert said["refused"] == []
                        told.update(accepted=said["accepted"], duplicates=said["duplicates"])
                        break
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)
    return told


async def log_of(command: Command, client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        headers = {"Authorization": f"Bearer {KEY}"}
        async with client.get(f"{command.url}/v1/log", params=query, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            page = await answer.json()
        rows += page["rows"]
        cursor = page["next"]
    return rows


async def drained(command: Command, client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    """Wait until every message has an end, and give the log."""
    rows: list[dict[str, Any]] = []
    for _ in range(60):
        rows = await log_of(command, client)
        if len({row["message_id"] for row in rows}) >= CUSTOMERS * len(EXPECTED):
            return rows
        await asyncio.sleep(0.5)
    raise AssertionError(f"not drained: {Counter((row['channel'], row['status']) for row in rows)}")


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest.mark.serial
async def test_nothing_is_lost_and_nothing_goes_out_twice(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    project = insurer(tmp_path / "project")
    moments = random.Random(20260722)
    async with Gateway(delay_s=0.03) as gateway, MailServer(delay_s=0.03) as mail_server:
        env = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
        env |= {
            "SOJOURN_LISTEN": "127.0.0.1:0", "SOJOURN_API_KEY": KEY, "SOJOURN_SMS": gateway.url,
            "SOJOURN_CALLS": gateway.url, "SOJOURN_SMTP": mail_server.url,
        }  # fmt: skip
        command = Command(project, env)
        await command.start()
        publisher = asyncio.create_task(publish(command, client))
        for _ in range(KILLS):
            await asyncio.sleep(moments.uniform(0.05, 0.5))
            await command.kill()
            await command.start()
        told = await publisher
        rows = await drained(command, client)
        await command.stop()
        gateway_got = [dict(headers)["Idempotency-Key"] for headers, _ in gateway.got]
        mails = [email.message_from_bytes(content)["Message-ID"] for _, content in mail_server.got]

    assert told["accepted"] + told["duplicates"] == 2 * CUSTOMERS
    calls = {row["message_id"] for row in rows if row["channel"] == "call"}
    messages = {row["message_id"]: row for row in rows if row["channel"] != "call"}
    got = Counter(name for name in gateway_got if name not in calls)
    got.update(name.strip("<>").partition("@")[0] for name in mails)

    # Nothing lost: every customer's claim led to each of its messages, and each of them has an end.
    per_customer = Counter((row["customer_id"], row["channel"]) for row in rows)
    assert set(per_customer) == {(f"K{n}", channel) for n in range(CUSTOMERS) for channel in EXPECTED}
    assert {row["status"] for row in rows} <= {"sent", "in_doubt"}
    # Nothing twice: neither at the providers nor in the log.
    assert max(got.values()) == 1
    assert len(rows) == len({row["message_id"] for row in rows}) == CUSTOMERS * len(EXPECTED)
    # What the log says is what the providers got.
    doubts = {name for name, row in messages.items() if row["status"] == "in_doubt"}
    assert set(messages) - doubts <= set(got) <= set(messages)
    assert {row["reason"] for row in messages.values() if row["status"] == "in_doubt"} <= {"unknown_outcome"}
    assert calls <= set(gateway_got)
    # In doubt at most what was in flight when it was killed; and the kills did hit calls in flight.
    assert 0 < len(doubts) <= command.leased_at_kills
