"""N11: an event means every run of its customer whose key agrees in all the key fields that the event carries.

With settled question Q31: an absent or null field is not carried; instance_id and journey_id name a run, a journey.
"""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import MAIL, SMS, bill, small

JOURNEYS = (
    small(
        "bills",
        f"""
        schedule: [{{id: t, at: due_date 09:00, {MAIL}}}]
        goal: {{when: payment.received}}
        exit:
          - {{when: policy.lapsed, because: lapsed}}
          - {{when: customer.deceased, because: deceased}}
        """,
    ),
    small(
        "claims",
        f"""
        flow: [{{wait: 20 days}}, {{id: t, {MAIL}}}]
        exit:
          - {{when: survey.responded, because: answered}}
          - {{when: advisor.task_updated, because: worked}}
        """,
        when="claim.filed",
        key="[claim_id]",
        facts="{}",
        expire="30 days after start",
    ),
    small(
        "whole",
        f"react: [{{when: [payment.received, survey.responded], do: [{{id: w, {MAIL}}}]}}]",
        when="complaint.opened",
        key="[]",
        facts="{}",
        expire="30 days after start",
    ),
    small(
        "asks",
        f"flow: [{{id: q, {SMS}}}]",
        when="enquiry.made",
        key="[product_line, product_id]",
        facts="{}",
        expire="30 days after start",
    ),
)
OTHER = CUSTOMER | {"customer_id": "C2"}
ALL = {("C1", "P-1", 1), ("C1", "P-1", 2), ("C1", "P-2", 1), ("C2", "P-1", 1)}


def play() -> Play:
    return Play(project(*JOURNEYS), (CUSTOMER, OTHER))


def alive(p: Play) -> set[tuple[object, ...]]:
    """Give customer and key of the runs that live."""
    runs = ((customer, run) for customer, state in p.world.states.items() for run in state.runs.values())
    return {(customer, *run.key) for customer, run in runs if run.ended is None}


@pytest.mark.parametrize(
    ("kind", "fields", "gone"),
    [
        pytest.param("payment.received", {"policy_id": "P-1", "installment_no": 1}, {("C1", "P-1", 1)}, id="one"),
        pytest.param("payment.received", {"policy_id": "P-1", "installment_no": 2}, {("C1", "P-1", 2)}, id="the next"),
        pytest.param("payment.received", {"policy_id": "P-1", "installment_no": 3}, set(), id="no such installment"),
        pytest.param("payment.received", {"policy_id": "P-2", "installment_no": 2}, set(), id="of no such policy"),
        pytest.param(
            "policy.lapsed", {"policy_id": "P-1"}, {("C1", "P-1", 1), ("C1", "P-1", 2)}, id="every one of a policy"
        ),
        pytest.param("policy.lapsed", {"policy_id": "P-3"}, set(), id="of another policy"),
        pytest.param("customer.deceased", {}, {key for key in ALL if key[0] == "C1"}, id="every one of a customer"),
        pytest.param("customer.deceased", {"customer": "C2"}, {("C2", "P-1", 1)}, id="of the other customer"),
        pytest.param("policy.lapsed", {"customer": "C2", "policy_id": "P-1"}, {("C2", "P-1", 1)}, id="same key"),
        pytest.param("customer.deceased", {"customer": "C3"}, set(), id="of nobody we know"),
    ],
)
def test_carried_key_fields_must_be_equal(kind: str, fields: dict[str, Any], gone: set[tuple[object, ...]]) -> None:
    p = play()
    for customer, policy, no in sorted(ALL):
        bill(p, "2026-02-01 10:00", policy_id=policy, no=no, customer=customer)
    p.event("2026-02-02 10:00", kind, **fields)
    p.until("2026-02-03 00:00")
    assert p.starts == len(ALL)
    assert alive(p) == ALL - gone


CLAIMS = {("C1", "K-1"), ("C1", "K-2")}


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        pytest.param({"claim_id": "K-1"}, {("C1", "K-1")}, id="carried"),
        pytest.param({"claim_id": None}, CLAIMS, id="null is not carried"),
        pytest.param({"claim_id": "K-3"}, set(), id="of another claim"),
    ],
)
def test_an_absent_key_field_agrees_with_every_run(fields: dict[str, Any], gone: set[tuple[object, ...]]) -> None:
    p = play()
    for claim in ("K-1", "K-2"):
        p.event("2026-02-01 10:00", "claim.filed", claim_id=claim)
    p.event("2026-02-02 10:00", "survey.responded", **fields)
    p.until("2026-02-03 00:00")
    assert alive(p) == CLAIMS - gone


@pytest.mark.parametrize(
    ("instance", "journey", "gone"),
    [
        pytest.param(None, None, CLAIMS, id="neither"),
        pytest.param("K-1", None, {("C1", "K-1")}, id="this run"),
        pytest.param("K-2", "claims", {("C1", "K-2")}, id="this run of this journey"),
        pytest.param("K-1", "bills", set(), id="this run, but another journey"),
        pytest.param("no such run", None, set(), id="no such run"),
        pytest.param(None, "claims", CLAIMS, id="runs of this journey"),
        pytest.param(None, "bills", set(), id="runs of another journey"),
    ],
)
def test_an_event_may_name_a_run_or_a_journey(
    instance: str | None, journey: str | None, gone: set[tuple[object, ...]]
) -> None:
    p = play()
    for claim in ("K-1", "K-2"):
        p.event("2026-02-01 10:00", "claim.filed", claim_id=claim)
    runs = {note.key["claim_id"]: note.run_id for note in p.notes if note.kind == "started"}
    p.event(
        "2026-02-02 10:00",
        "advisor.task_updated",
        instance_id=runs.get(instance, instance),
        journey_id=journey,
    )
    p.until("2026-02-03 00:00")
    assert alive(p) == CLAIMS - gone


@pytest.mark.parametrize(
    ("kind", "fields", "messages"),
    [
        pytest.param("payment.received", {"policy_id": "P-9"}, 1, id="any payment of the customer"),
        pytest.param("survey.responded", {"claim_id": "K-9"}, 1, id="any answer of the customer"),
        pytest.param("payment.received", {"customer": "C2"}, 0, id="of another customer"),
    ],
)
def test_a_run_without_key_fields_means_its_customer(kind: str, fields: dict[str, Any], messages: int) -> None:
    p = play()
    p.event("2026-02-01 10:00", "complaint.opened")
    p.event("2026-02-02 10:00", kind, **fields)
    p.until("2026-02-03 00:00")
    assert len(p.sent) == messages


@pytest.mark.parametrize(("product", "starts"), [("X1", 1), (None, 0)], ids=["whole key", "half a key"])
def test_a_start_needs_the_whole_key(product: str | None, starts: int) -> None:
    p = play()
    p.event("2026-02-01 10:00", "enquiry.made", product_line="life", product_id=product)
    p.until("2026-02-03 00:00")
    assert (p.starts, len(p.sent)) == (starts, starts)
