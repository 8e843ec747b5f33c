"""N22, Q44: one row for each decision about a message, which tells what, when, why, and because of what."""

from typing import Any

import pytest

from sojourn.core.model import Row
from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import BOTH, CARE, bill, living_in, small

JOURNEYS = (
    small("both", f"schedule: [{{id: t, at: due_date 22:00, {BOTH}}}]", only="both"),
    small("care", f"flow: [{{id: c, {CARE}}}]", klass="care", only="care"),
)


def played(*bills: tuple[str, str], **customer: Any) -> tuple[Play, list[Row]]:
    p = Play(project(*JOURNEYS), (living_in("Asia/Shanghai", **customer),))
    for number, (when, journey) in enumerate(bills, 1):
        bill(p, when, "2026-03-12", no=number, pay_method=journey)
    return p.until("2026-12-30 00:00"), p.rows


def test_one_row_for_each_decision_and_one_message_for_each_channel() -> None:
    _, rows = played(("2026-03-01 10:00", "both"))
    assert [(row.channel, row.status) for row in rows] == [("sms", "held"), ("email", "sent"), ("sms", "sent")]
    assert rows[0].message_id == rows[2].message_id != rows[1].message_id


def test_due_is_the_first_time_next_the_next_attempt() -> None:
    p, (_, first, second) = played(("2026-03-01 09:00", "care"), ("2026-03-01 10:00", "care"))
    times = [
        [p.local(at) for at in (row.due_at, row.decided_at, row.next_at, row.handed_over_at)] for row in (first, second)
    ]
    due, later = "2026-03-01 10:00", "2026-03-02 10:00"
    assert times == [[due, due, later, None], [due, later, None, later]]


@pytest.mark.parametrize(
    ("journey", "field", "value"),
    [
        ("both", "customer_id", "C1"),
        ("both", "journey", "both"),
        ("both", "journey_version", 1),
        ("both", "key", {"policy_id": "P-1", "installment_no": 1}),
        ("both", "step", "t"),
        ("both", "template", "claim_ack"),
        ("both", "template_version", 1),
        ("both", "locale", "zh-CN"),
        ("both", "event_id", "e1"),
        ("both", "anchor", "2026-03-12"),
        ("both", "klass", "service"),
        ("care", "klass", "care"),
        ("care", "template", "onboarding_handbook"),
        ("care", "event_id", "e1"),
    ],
)
def test_what_a_row_says(journey: str, field: str, value: object) -> None:
    _, rows = played(("2026-03-01 10:00", journey))
    assert [getattr(row, field) for row in rows] == [value] * len(rows)
    assert rows


def test_what_is_not_sent_says_why_and_was_never_handed_over() -> None:
    _, (row,) = played(("2026-03-01 10:00", "care"), email_valid=False)
    assert (row.status, row.reason, row.handed_over_at, row.next_at) == ("suppressed", "invalid_address", None, None)


def test_the_same_story_gives_the_same_rows() -> None:
    story = [("2026-03-01 09:00", "care"), ("2026-03-01 10:00", "care"), ("2026-03-02 10:00", "both")]
    assert played(*story)[1] == played(*story)[1]
