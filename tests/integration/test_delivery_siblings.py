"""Messages of one customer that wait together: a new verdict on one must not outdate the others for ever."""

from pathlib import Path
from typing import Any

from sojourn.store.memory import MemoryStore
from sojourn.testing.clock import VirtualClock
from sojourn.testing.provider import InstantProvider
from tests.integration.enginekit import Rig, happened, insurer, known

NOON = 1_780_286_400_000  # 2026-06-01T12:00 in Shanghai
CUSTOMERS, CLAIMS, SLOTS = 30, 4, 5
MOST_TURNS = 100  # a turn fills the slots; each customer is judged anew after each of his messages


def claim(customer: str, number: int) -> bytes:
    name = f"CL-{customer}-{number}"
    payload: dict[str, Any] = {
        "claim_id": name, "claim_no": name, "policy_id": "P-1", "claim_type": "medical", "claimed_cny": "100.00",
        "filed_via": "app", "docs_needed": ["invoice"],
    }  # fmt: skip
    entity = {"type": "claim", "id": name, "seq": 1}
    return happened("claim.filed", customer, NOON, payload, entity=entity, event_id=name)


async def test_a_slow_provider_gets_every_message_of_customers_with_several_at_once(tmp_path: Path) -> None:
    clock = VirtualClock(NOON)
    sms, other = InstantProvider(at_once=SLOTS), InstantProvider(at_once=SLOTS)
    channels = {"sms": sms, "email": other, "call": other}
    project = insurer(tmp_path / "project", "claim_status")
    async with Rig(project, NOON, store=MemoryStore(clock), clock=clock, channels=channels) as rig:
        names = [f"C{n}" for n in range(CUSTOMERS)]
        await rig.submit([known(name, NOON, email=None) for name in names])
        await rig.submit([claim(name, number) for number in range(CLAIMS) for name in names])
        for _ in range(MOST_TURNS):
            clock.set(clock.now + 10)
            await rig.engine.fire()
            await rig.engine.deliver()
            await rig.engine.delivery.landed()
        rows = await rig.rows()
        assert len(sms.sent) == CUSTOMERS * CLAIMS  # judged anew again and again, none would ever go
        assert sum(row.channel == "sms" and row.status == "sent" for row in rows) == CUSTOMERS * CLAIMS
