"""The engine on a virtual clock with an instant provider gives the same log rows as simulate (issue: simulate)."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sojourn.core.model import Row
from sojourn.rows import row_json
from sojourn.simulate import Replay, read_lines
from sojourn.store.memory import MemoryStore
from sojourn.testing.clock import VirtualClock
from tests.integration.enginekit import ROOT, Rig, insurer

EXAMPLES = ROOT.parent / "shared" / "spec" / "examples"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def iso(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1000, datetime.fromisoformat("2026-01-01T00:00:00Z").tzinfo).isoformat()


def introduced(customer: dict[str, Any], instant: int) -> Iterator[dict[str, Any]]:
    """The events by which a customer of the examples becomes known."""
    name = customer["customer_id"]
    fields = {key: value for key, value in customer.items() if key not in ("customer_id", "consent")}
    head = {"occurred_at": iso(instant), "customer_id": name, "source": "CRM"}
    yield head | {
        "event_id": f"known-{name}",
        "type": "customer.updated",
        "payload": {"changed": sorted(fields), "profile": fields},
    }
    for purpose, channels in customer.get("consent", {}).items():
        for channel, value in channels.items():
            granted = value["granted"] if isinstance(value, dict) else value
            yield head | {
                "event_id": f"consent-{name}-{purpose}-{channel}",
                "type": "consent.changed",
                "payload": {
                    "purpose": purpose, "channel": channel, "granted": granted, "method": "web", "text": "synthetic",
                },
            }  # fmt: skip


def timelines() -> tuple[list[tuple[int, bytes]], int]:
    """All example timelines in one stream, each customer introduced before the first event of his timeline."""
    lines: list[tuple[int, int, bytes]] = []
    until = 0
    for folder in sorted(EXAMPLES.glob("[0-9][0-9]")):
        events = [json.loads(line) for line in (folder / "events.ndjson").read_text().splitlines() if line]
        events = [event for event in events if not event["type"].startswith("sojourn.")]
        customers = [json.loads(line) for line in (folder / "customers.ndjson").read_text().splitlines() if line]
        first = min(at(event.get("arrives_at", event["occurred_at"])) for event in events)
        for customer in customers:
            for event in introduced(customer, first - 1_000):
                lines.append((first - 1_000, len(lines), json.dumps(event).encode()))
        for event in events:
            lines.append((at(event.get("arrives_at", event["occurred_at"])), len(lines), json.dumps(event).encode()))
        until = max(until, at(json.loads((folder / "run.json").read_text())["until"]))
    lines.sort()
    return [(instant, raw) for instant, _, raw in lines], until


def comparable(rows: list[Row]) -> list[str]:
    """Rows without what differs by design: links carry the key of their installation."""
    shown = []
    for row in rows:
        plain = row_json(row)
        for part in ("text", "html"):
            plain[part] = len(plain[part] or "")
        shown.append(json.dumps(plain, sort_keys=True, ensure_ascii=False, default=str))
    return sorted(shown)


def simulated(project: Path, events: list[tuple[int, bytes]], until: int) -> list[Row]:
    rows: list[Row] = []
    lines = [json.dumps({"arrives_at": iso(instant), **json.loads(raw)}).encode() for instant, raw in events]
    Replay(project, rows.append).run(read_lines(lines), [], until)
    return rows


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
async def test_the_engine_gives_the_rows_of_simulate(tmp_path: Path, kind: str) -> None:
    events, until = timelines()
    project = insurer(tmp_path / "project")
    clock = VirtualClock(events[0][0] - 1)
    store = MemoryStore(clock) if kind == "memory" else None
    async with Rig(project, 0, store=store, clock=clock) as rig:
        await rig.replay(events, until)
        got = comparable(await rig.rows())
        assert not rig.engine.quarantine.customers
        assert not await rig.engine.views.dead_letter_counts()
    wanted = comparable(simulated(project, events, until))
    assert len(wanted) > 100
    assert got == wanted
