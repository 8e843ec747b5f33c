"""An engine on a virtual clock with an instant provider, driven from instant to instant without any waiting."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from sojourn.bootstrap.embedded import Engine
from sojourn.bootstrap.intake_queue import Received
from sojourn.bootstrap.settings import read_settings
from sojourn.core.model import Row
from sojourn.delivery.port import Channel
from sojourn.ports import Store
from sojourn.records import LogFilter
from sojourn.testing.clock import VirtualClock
from sojourn.testing.provider import InstantProvider

ROOT = Path(__file__).parents[2]
PARTS = ("journeys", "templates", "schemas", "rules.yaml", "parameters.yaml")


def insurer(folder: Path, *journeys: str) -> Path:
    """Give a project folder with the reference insurer's files and a var/ of its own; only some journeys if named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        if name == "journeys" and journeys:
            (folder / name).mkdir(exist_ok=True)
            for one in journeys:
                shutil.copy(ROOT / name / f"{one}.yaml", folder / name)
        elif not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


def happened(kind: str, customer: str, instant: int, payload: dict[str, Any], **more: Any) -> bytes:
    """Give an event as bytes; its id follows from its content."""
    event = {
        "event_id": f"{kind}-{customer}-{more.get('entity', {}).get('seq', 1)}",
        "type": kind,
        "occurred_at": datetime.fromtimestamp(instant / 1000, UTC).isoformat(),
        "customer_id": customer,
        "source": "test",
        "payload": payload,
    }
    return json.dumps(event | more).encode()


def known(customer: str, instant: int, **fields: Any) -> bytes:
    """Give the event by which a synthetic customer becomes known."""
    profile = {
        "name": "测试", "salutation_zh": "测试女士", "salutation_en": "Ms Test",
        "mobile": "+8613800138000", "email": f"{customer.lower()}@example.com",
    } | fields  # fmt: skip
    return happened("customer.updated", customer, instant, {"changed": sorted(profile), "profile": profile})


def claim(customer: str, instant: int) -> bytes:
    """Give the event by which a customer files a claim: an SMS, a mail and a call follow at once."""
    payload = {
        "claim_id": f"CL-{customer}", "claim_no": f"N-{customer}", "policy_id": "P-1", "claim_type": "medical",
        "claimed_cny": "100.00", "filed_via": "app", "docs_needed": ["invoice"],
    }  # fmt: skip
    entity = {"type": "claim", "id": f"CL-{customer}", "seq": 1}
    return happened("claim.filed", customer, instant, payload, entity=entity)


class Rig:
    """An open engine and its clock."""

    def __init__(
        self,
        project: Path,
        now: int,
        *,
        store: Store | None = None,
        channels: Mapping[str, Channel] | None = None,
        clock: VirtualClock | None = None,
    ) -> None:
        self.clock = clock or VirtualClock(now)
        self.provider = InstantProvider()
        given = channels or dict.fromkeys(("sms", "email", "call"), self.provider)
        self.engine = Engine(read_settings({}, project), self.clock, store=store, channels=given)

    async def __aenter__(self) -> "Rig":
        await self.engine.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.close()

    async def rows(self) -> list[Row]:
        """Give the whole log, oldest first."""
        rows: list[Row] = []
        cursor: str | None = None
        while True:
            page = await self.engine.views.log(LogFilter(), 500, cursor)
            rows += page.rows
            cursor = page.next
            if cursor is None:
                return rows[::-1]

    async def submit(self, raws: Sequence[bytes]) -> Received:
        """Submit events at the present instant and store them."""
        request = asyncio.create_task(self.engine.submit(raws, "test"))
        await asyncio.sleep(0)
        while self.engine.waiting:
            await self.engine.take()
        return await request

    async def settle(self) -> None:
        """Do all that is due at the present instant: timers, hand-overs, outcomes, and what follows."""
        while True:
            done = await self.engine.fire()
            done += await self.engine.deliver()
            await self.engine.delivery.landed()
            if not done and not self.engine.delivery.in_flight:
                return

    async def replay(self, events: Sequence[tuple[int, bytes]], until: int) -> None:
        """Feed events at their instants (sorted), and run every timer between them and after them."""
        for instant, group in groupby(events, key=lambda one: one[0]):
            await self.run_before(instant)
            self.clock.set(instant)
            await self.submit([raw for _, raw in group])
            await self.settle()
        await self.run_before(until + 1)

    async def run_before(self, instant: int) -> None:
        """Run the timers due before an instant, each at its own."""
        await self.settle()
        while True:
            fired = self.engine.last_fired
            due = fired.next_due if fired is not None else None
            if due is None or due >= instant:
                return
            self.clock.set(max(due, self.clock.now))
            await self.settle()
