"""What the store's tests are made of: synthetic customers, orders, rows; nothing here knows a kind of store."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from sojourn.core.model import (
    CallOut,
    Cause,
    Copy,
    Counted,
    Deadline,
    Deliver,
    Early,
    Heard,
    Hot,
    Mark,
    Memory,
    Profile,
    Remembered,
    Row,
    Run,
    Seen,
    Send,
    Silence,
    State,
    Tomb,
    Touch,
)
from sojourn.core.model import Consent as ConsentRecord
from sojourn.ports import Tx
from sojourn.records import Changed, DeadLetter, Inbox, Published, Queued, Settled, Stored

replace = msgspec.structs.replace
NOW = 1_780_000_000_000
VALUES = {"amount": Decimal("12.50"), "day": date(2026, 2, 28), "list": [Decimal("-0.10"), {"in": date(2026, 1, 1)}]}


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def send(message_id: str = "m1", **changes: Any) -> Send:
    """Give an open message."""
    base = Send(
        message_id, f"t-{message_id}", "r1", "renewal", 1, NOW, ("P-1", 3), "t3", "t3", "flow|", "2026-03-12", ("sms",),
        "sms", "service", 50, False, False, NOW, NOW + 9_000, NOW,
    )  # fmt: skip
    return replace(base, **changes)


def run(run_id: str = "r1", **changes: Any) -> Run:
    """Give a live run with something in every field."""
    cause = Cause("e1", "trace-1", "premium.due", {"amount": "12.50"})
    heard = Heard("e0", "premium.due", NOW, NOW, "billing", "policy", "P-1", 2, {"amount": "1.00"})
    base = Run(
        run_id, "renewal", 1, ("P-1", 3), NOW, cause, {"due": "2026-03-12"},
        expire_at=NOW + 5, copies=(Copy("flow", "e1", "t3", NOW, cause, NOW + 1, (heard,)),),
        deadlines=(Deadline("slow", NOW + 2, 1),), decided=(("t3", "2026-03-12"),), rushed=(("t7", NOW),), sent=("t3",),
    )  # fmt: skip
    return replace(base, **changes)


def full_state(customer: str) -> State:
    """Give a state with something in every part."""
    heard = Heard("e9", "claim.filed", NOW, NOW, "claims", "claim", "C-1", 1, {"amount": "7"})
    return State(
        customer,
        Hot(NOW, (send(),), (Touch(739_000, "t-m1"),)),
        Profile(
            True, {"mobile": "+8613800138000", "name": "王女士"}, {"care": {"sms": ConsentRecord(True, NOW, "form")}},
            {"claims/C-1": Mark(4, NOW)},
        ),
        Memory(
            (Seen("renewal", ("P-1", None), True, "P-1", "billing", 3, NOW, NOW),),
            (Remembered("renewal", ("P-1", 3), NOW),),
            (Early("claims", ("C-1",), heard),), (Counted("need", "critical", False, NOW, "C-1/1"),),
            (Silence("card", "K-1", NOW),), {"birthday": 739_001}, pauses=(("marketing", NOW),),
        ),
        {"r1": run(), "r2": run("r2", journey="claims", key=("C-1",))},
        {("renewal", '{"policy_id":"P-1"}'): Tomb(NOW, NOW - 1), ("renewal", "*"): Tomb(NOW)},
    )  # fmt: skip


def event(event_id: str, customer: str = "c1", **changes: Any) -> Inbox:
    """Give an input to keep."""
    base = Inbox(
        event_id=event_id, customer=customer, type="premium.due", source="billing", occurred=NOW, arrival=NOW,
        digest=b"one", raw=b'{"name": "\xe7\x8e\x8b"}', position=7, entity_type="policy", trace_id="trace-1",
    )  # fmt: skip
    return replace(base, **changes)


def letter(reason: str = "not valid JSON", **changes: Any) -> DeadLetter:
    """Give a dead letter."""
    base = DeadLetter(source="http", arrival=NOW, reason=reason, detail="at byte 3", raw=b"{\xff", position=2)
    return replace(base, **changes)


def row(message_id: str = "m1", customer: str = "c1", status: str = "sent", **changes: Any) -> Row:
    """Give a row of the log."""
    base = Row(
        message_id=message_id, customer_id=customer, journey="renewal", journey_version=1,
        key={"policy_id": "P-1", "installment_no": 3}, step="t3", template="renewal_t3", template_version=2,
        locale="zh-CN", channel="sms", status=status, reason=None, due_at=NOW, decided_at=NOW, handed_over_at=NOW,
        event_id="e1", trace_id="trace-1", detail={"cap": 2}, run_id="r1", klass="service", anchor="2026-03-12",
        text="王女士,尾号5512", next_at=None,
    )  # fmt: skip
    return replace(base, **changes)


def deliver(message_id: str = "m1", **changes: Any) -> Deliver:
    """Give an order to hand a message over."""
    base = Deliver(
        message_id=message_id, channel="sms", locale="zh-CN", template="renewal_t3", template_version=2,
        values=VALUES, address="+8613800138000", klass="service", lane="normal", until=NOW + 1_000,
        send=send(message_id), zone="Asia/Shanghai",
    )  # fmt: skip
    return replace(base, **changes)


def call(message_id: str = "call-1") -> CallOut:
    """Give an order to call another system."""
    return CallOut(
        message_id=message_id, name="advisor.task", arguments={"task": "ring"}, run_id="r1", journey="renewal",
        step="call_1", answers=False, example={}, send=send(message_id, channel="call"),
    )  # fmt: skip


def queued(message_id: str = "m1", customer: str = "c1", ready_at: int = NOW, **changes: Any) -> Queued:
    """Give an order for the outbox."""
    return Queued(customer, deliver(message_id, **changes), ready_at)


def settled(message_id: str = "m1", customer: str = "c1", **changes: Any) -> Settled:
    """Give the record of an accepted attempt."""
    base = Settled(
        message_id=message_id, customer=customer, channel="sms", started=NOW, ended=NOW + 3, outcome="accepted",
        provider="gateway", reference="g-1", text="ok for +8613800138000",
    )  # fmt: skip
    return replace(base, **changes)


def published(number: int = 1, **changes: Any) -> Published:
    """Give a release."""
    return replace(Published(number=number, at=NOW, running="stay", digest="d", content=b"\x00files"), **changes)


async def keep(tx: Tx, customer: str, change: Callable[[State], State], due: int | None = None) -> Stored:
    """Load a customer with all tombs, change him, save him."""
    before = (await tx.load([customer], every_tomb=True))[customer]
    return (await tx.save([Changed(before, change(before.state), due)], NOW))[customer]


async def touch(tx: Tx, customer: str, due: int | None = None) -> Stored:
    """Make another revision of a customer."""
    return await keep(tx, customer, lambda state: replace(state, hot=Hot(state.hot.clock + 1)), due)
