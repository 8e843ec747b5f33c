"""What is published in a chaos run, all of it from a seed: customers, their stories, duplicates, and rubbish."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Final

from benchmarks.synthetic.people import make_person
from sojourn.definitions.catalogue import Catalogue
from sojourn.rows import instant_text
from tests.chaos.privacy import personal
from tests.chaos.project import When

DUPLICATES: Final = 0.05
RUBBISH: Final = 0.002
A_CUSTOMER: Final = 12  # events, about
_LINES: Final = ("critical_illness", "life", "annuity", "health", "accident", "motor", "credit_card")
_NODES: Final = ("docs_review", "assessment", "approval", "payment_processing")
_DUE: Final = (30, 7, 3, 0, -7, -30, -53)  # days until the due date, so that a touch is today


@dataclass(frozen=True, slots=True)
class Record:
    """One record to publish: when (ms after the begin), where, of whom, its bytes; ``id`` is None of rubbish."""

    at: int
    topic: str
    customer: str
    raw: bytes
    id: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All records of a run: those that make customers known, then what happens to them, in order of time."""

    known: tuple[Record, ...]
    records: tuple[Record, ...]
    secrets: frozenset[str]

    @property
    def events(self) -> dict[str, Record]:
        """Each event once, by its id."""
        return {one.id: one for one in (*self.records[::-1], *self.known) if one.id is not None}

    @property
    def rubbish(self) -> int:
        """How many records are no events."""
        return sum(one.id is None for one in self.records)


def make_plan(seed: int, count: int, span_ms: int, when: When, catalogue: Catalogue) -> Plan:
    """Give a plan with about ``count`` events of the main journeys, spread over ``span_ms``."""
    known: list[Record] = []
    records: list[Record] = []
    secrets: set[str] = set()
    number = 0
    while len(records) < count:
        dice = Random(f"{seed} customer {number}")
        teller = _Teller(number, dice, span_ms, when, catalogue)
        known += teller.introduced(secrets)
        records += teller.lived()
        number += 1
    dice = Random(f"{seed} more")
    again = [_at(one, dice.randrange(span_ms // 10)) for one in records if dice.random() < DUPLICATES]
    rubbish = [_rubbish(one, dice) for one in records if dice.random() < RUBBISH]
    return Plan(tuple(known), tuple(sorted([*records, *again, *rubbish], key=lambda one: one.at)), frozenset(secrets))


def _at(one: Record, later: int) -> Record:
    return Record(one.at + later, one.topic, one.customer, one.raw, one.id)


def _rubbish(one: Record, dice: Random) -> Record:
    return Record(one.at, one.topic, one.customer, one.raw[: dice.randrange(20, len(one.raw) - 2)], None)


class _Teller:
    """Tells the life of one customer."""

    def __init__(self, number: int, dice: Random, span_ms: int, when: When, catalogue: Catalogue) -> None:
        self._dice, self._span, self._when, self._catalogue = dice, span_ms, when, catalogue
        self.person = make_person(number, dice)
        self._told: list[Record] = []

    # ---- who he is

    def introduced(self, secrets: set[str]) -> list[Record]:
        """Give the events by which he becomes known, and put down what nobody may read outside."""
        profile = {name: value for name, value in self.person.profile.items() if name not in ("customer_id", "consent")}
        profile |= {"timezone": self._when.zone, "do_not_contact": False}
        secrets.update(personal(profile))
        self._say(0, "customer.updated", None, changed=sorted(profile), profile=profile)
        for purpose, channels in self.person.profile["consent"].items():
            for channel, granted in channels.items():
                self._say(0, "consent.changed", None, purpose=purpose, channel=channel, granted=granted)
        told, self._told = self._told, []
        return told

    # ---- what happens to him

    def lived(self) -> list[Record]:
        """Give what happens to him: several stories side by side."""
        stories = (
            *(self._premium,) * 3, *(self._claim,) * 3, self._bought, self._silent, self._leaving, self._asking,
            self._document, self._document,
        )  # fmt: skip
        number = 0
        while len(self._told) < A_CUSTOMER:
            self._dice.choice(stories)(f"{self.person.id[1:]}-{number}")
            number += 1
        told, self._told = self._told, []
        return told

    def _premium(self, name: str) -> None:
        policy, seq, first = f"P{name}", self._seq(), self._dice.choice((1, 2, 3, 4))
        days = self._dice.choice(_DUE)
        moments = self._moments(4, self._dice.random() < 0.7)
        about: dict[str, Any] = {"policy_id": policy, "installment_no": first}
        entity = ("installment", f"{policy}-{first}")
        self._say(
            next(moments), "payment.due_scheduled", (*entity, next(seq)), **about,
            due_date=self._day(days), frequency=self._dice.choice(("annual", "monthly")),
        )  # fmt: skip
        if self._dice.random() < 0.2:
            moved = self._day(self._dice.choice(_DUE))
            self._say(
                next(moments), "payment.due_changed", (*entity, next(seq)), **about,
                old_due_date=self._day(days), due_date=moved,
            )  # fmt: skip
        if self._dice.random() < 0.5:
            outstanding = self._dice.choice(("0.00", "0.00", "0.00", "120.00"))
            self._say(
                next(moments), "payment.received", (*entity, next(seq)), **about,
                outstanding_cny=outstanding, paid_date=self._day(0),
            )  # fmt: skip
        elif self._dice.random() < 0.1:
            self._say(next(moments), "policy.lapsed", ("policy", policy, 1), policy_id=policy)

    def _claim(self, name: str) -> None:
        claim, seq = f"K{name}", self._seq()
        about = {"claim_id": claim, "claim_no": f"CN{name}"}
        moments = self._moments(8)

        def say(kind: str, **more: Any) -> None:
            self._say(next(moments), kind, ("claim", claim, next(seq)), **about, **more)

        say("claim.filed", policy_id=f"P{name}")
        if self._dice.random() < 0.3:
            say("claim.documents_requested")
            if self._dice.random() < 0.6:
                self._say(
                    next(moments), "claim.documents_received", ("claim", claim, next(seq)),
                    claim_id=claim, complete=self._dice.random() < 0.8,
                )  # fmt: skip
        for node in self._dice.sample(_NODES, self._dice.randrange(3)):
            say("claim.status_changed", node=node)
        if self._dice.random() < 0.7:
            outcome = self._dice.choice(("approved", "approved", "partial", "declined"))
            say("claim.decided", outcome=outcome)
            if outcome != "declined" and self._dice.random() < 0.8:
                say("claim.paid")

    def _bought(self, name: str) -> None:
        policy, moments = f"N{name}", self._moments(3)
        line = self._dice.choice(_LINES[:-1])
        self._say(
            next(moments), "policy.issued", ("policy", policy, 1), policy_id=policy, product_line=line,
            effective_date=self._day(-self._dice.randrange(20)),
        )  # fmt: skip
        if self._dice.random() < 0.8:
            signed = self._day(-self._dice.choice((0, 1, 1, 2, 12, 16)))
            self._say(
                next(moments), "policy.receipt_signed", ("policy", policy, 2), policy_id=policy, receipt_date=signed
            )
        if self._dice.random() < 0.15:
            reason = self._dice.choice(("free_look", "surrender"))
            self._say(next(moments), "policy.cancelled", ("policy", policy, 3), policy_id=policy, reason=reason)

    def _silent(self, name: str) -> None:
        moments, line = self._moments(2), self._dice.choice(_LINES)
        self._say(next(moments), "silence.detected", None, product_line=line)
        if self._dice.random() < 0.4:
            self._say(next(moments), "activity.recorded", None, product_line=line)

    def _leaving(self, name: str) -> None:
        moments, score = self._moments(3), round(0.7 + self._dice.random() * 0.29, 2)
        self._say(next(moments), "churn.risk_scored", None, score=score, prev_score=0.3)
        if self._dice.random() < 0.3:
            self._say(next(moments), "churn.risk_scored", None, score=0.2, prev_score=score)
        if self._dice.random() < 0.1:
            complaint = {"complaint_id": f"TS{name}", "complaint_no": f"TS{name}"}
            self._say(next(moments), "complaint.opened", ("complaint", f"TS{name}", 1), **complaint)

    def _asking(self, name: str) -> None:
        moments, line = self._moments(6), self._dice.choice(_LINES[:-1])
        for _ in range(3):
            self._say(next(moments), "enquiry.made", None, product_line=line)
        if self._dice.random() < 0.4:
            task = {"task_id": f"T{name}", "journey_id": "need_alert", "stage": "proposal", "status": "done"}
            self._say(next(moments), "advisor.task_updated", ("task", f"T{name}", 1), **task)

    def _document(self, name: str) -> None:
        document = f"D{name}"
        at = self._dice.randrange(self._span)
        self._say(
            at, "kyc.document_expiring", ("document", document, 1), document_id=document, expiry_date=self._day(40)
        )
        if self._dice.random() < 0.7:
            later = self._dice.choice((1_000, 3_000, 6_500, 7_500, 8_500, 9_500, 30_000)) + self._dice.randrange(1_000)
            self._say(at + later, "kyc.document_updated", ("document", document, 2), document_id=document)

    # ---- inside

    def _moments(self, most: int, early: bool = False) -> Iterator[int]:
        """Give moments of one story: its begin anywhere, ``early`` before the touches, then one after the other."""
        end = self._when.touches[0] - self._when.begin if early else self._span
        at = self._dice.randrange(max(1, end))
        apart = max(1, (self._span - at) // most)
        while True:
            yield at
            at += 200 + self._dice.randrange(2 * apart)

    def _seq(self) -> Iterator[int]:
        number = 0
        while True:
            yield (number := number + 1)

    def _day(self, days: int) -> str:
        return (self._when.today + timedelta(days=days)).isoformat()

    def _say(self, at: int, kind: str, entity: tuple[str, str, int] | None, **payload: Any) -> None:
        declared = self._catalogue.types[kind]
        event = {
            "event_id": f"{self._dice.getrandbits(100):025x}",
            "type": kind,
            "occurred_at": instant_text(self._when.begin + at),
            "source": declared.source,
            "customer_id": self.person.id,
            "payload": dict(declared.examples) | payload,
        }
        if entity is not None:
            event["entity"] = {"type": entity[0], "id": entity[1], "seq": entity[2]}
        raw = json.dumps(event, ensure_ascii=False).encode()
        self._told.append(Record(at, declared.topic, self.person.id, raw, str(event["event_id"])))
