"""Q4, Q5: payloads are typed before any condition sees them; product lines are one closed list."""

import json

import pytest

from sojourn.intake.decode import Refused, decode_recorded
from tests.unit.rules.kit import Play, project, reference
from tests.unit.rules.small import MAIL, bill, paid, small

# as texts, "10.00" < "9" and "0.00" != "0"
CONDITIONS = {
    "more": "event.outstanding_cny > 9",
    "none": "event.outstanding_cny <= 0",
    "same": "event.outstanding_cny == 0",
    "late": "event.paid_date > due_date",
    "soon": "event.paid_date == due_date - days(1)",
    "fifth": "event.installment_no + 1 == 2",
}
BODY = "react:\n" + "\n".join(
    f"  - {{when: payment.received, do: [{{id: {name}, if: {condition}, {MAIL}}}]}}"
    for name, condition in CONDITIONS.items()
)


@pytest.mark.parametrize(
    ("outstanding", "day", "expected"),
    [
        ("0.00", "2026-03-11", {"none", "same", "soon"}),
        ("0", "2026-03-12", {"none", "same"}),
        ("0.01", "2026-03-13", {"late"}),
        ("9.00", "2026-03-01", set()),
        ("9.01", "2026-03-01", {"more"}),
        ("10.00", "2026-03-01", {"more"}),
        ("100", "2026-10-01", {"more", "late"}),
    ],
)
def test_amounts_and_dates_are_compared_as_such(outstanding: str, day: str, expected: set[str]) -> None:
    p = Play(project(small("typed", BODY)))
    bill(p, "2026-02-01 10:00")
    paid(p, "2026-02-01 12:00", outstanding_cny=outstanding, paid_date=day)
    p.until("2026-02-02 00:00")
    assert {step for _, _, step in p.sent} == expected | {"fifth"}


LINES = ["critical_illness", "life", "annuity", "health", "accident", "motor", "credit_card", "deposit"]
OTHERS = ["travel", "Health", "HEALTH", "health ", "medical", "long_medical", "one_year_medical", "", "card", None, 1]
WITH_LINE = ["activity.recorded", "enquiry.made", "silence.detected", "recommendation.generated", "policy.issued"]


@pytest.mark.parametrize("kind", WITH_LINE)
@pytest.mark.parametrize(("line", "good"), [(line, True) for line in LINES] + [(line, False) for line in OTHERS])
def test_product_lines_are_one_closed_list(kind: str, line: object, good: bool) -> None:
    catalogue = reference("silence_reactivation").catalogue
    envelope = {
        "event_id": "e1",
        "type": kind,
        "occurred_at": "2026-03-01T10:00:00Z",
        "source": "X",
        "customer_id": "C1",
        "payload": dict(catalogue.types[kind].examples) | {"product_line": line},
    }
    event = decode_recorded(json.dumps(envelope).encode(), catalogue)
    assert isinstance(event, Refused) != good
