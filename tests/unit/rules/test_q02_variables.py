"""Q2: every variable that a template requires is proved to be there on each path, or has a default."""

from typing import Any

import pytest

from sojourn.definitions.problems import DefinitionError
from sojourn.rendering import Renderer
from sojourn.rendering.links import SIMULATION_KEY
from tests.unit.rules.kit import CUSTOMER, Play, project, reference
from tests.unit.rules.small import small

DUE = "due_date: event.due_date"
T3 = "send: renewal_t3, by: sms"  # wants amount and due_date
ACK = "send: claim_ack, by: email"  # wants claim_no


# (facts, body, the variable that is missing)
@pytest.mark.parametrize(
    ("facts", "body", "missing"),
    [
        pytest.param(DUE, f"flow: [{{id: a, {T3}}}]", "amount", id="no fact"),
        pytest.param(f"{DUE}, amount: event.amount_cny", f"flow: [{{id: a, {T3}}}]", None, id="a fact"),
        pytest.param(
            DUE,
            f"react: [{{when: payment.failed, do: [{{id: a, {T3}, with: {{amount: = event.amount_cny}}}}]}}]",
            None,
            id="with",
        ),
        pytest.param(f"{DUE}, amount: {{type: decimal}}", f"flow: [{{id: a, {T3}}}]", "amount", id="a fact set later"),
        pytest.param(DUE, f"flow: [{{id: a, {ACK}}}]", "claim_no", id="no source at all"),
        pytest.param(
            f"{DUE}, claim_no: customer.advisor_id",
            f"flow: [{{id: a, {ACK}}}]",
            "claim_no",
            id="a profile field that may be absent",
        ),
        pytest.param(
            f"{DUE}, claim_no: customer.advisor_id | default('X')",
            f"flow: [{{id: a, {ACK}}}]",
            None,
            id="with a default",
        ),
        pytest.param(
            f"{DUE}, claim_no: customer.tier", f"flow: [{{id: a, {ACK}}}]", None, id="a required profile field"
        ),
        pytest.param(
            DUE, "flow: [{id: a, send: churn_last, by: email, class: marketing}]", None, id="parameters and guards"
        ),
        pytest.param(DUE, f"goal: {{when: claim.filed, do: [{{id: a, {ACK}}}]}}", None, id="the handled event"),
        pytest.param(
            DUE,
            f"flow: [{{wait_for: claim.filed, within: 1 day, then: [{{id: a, {ACK}}}]}}]",
            None,
            id="the awaited event",
        ),
        pytest.param(
            DUE,
            f"flow: [{{wait_for: claim.filed, within: 1 day, otherwise: [{{id: a, {ACK}}}]}}]",
            "claim_no",
            id="the other branch has no event",
        ),
        pytest.param(
            DUE,
            f"goal: [{{when: [claim.filed, payment.received], do: [{{id: a, {ACK}}}]}}]",
            "claim_no",
            id="one of two events",
        ),
    ],
)
def test_check_proves_each_variable_on_each_path(facts: str, body: str, missing: str | None) -> None:
    text = small("proved", body, facts=f"{{{facts}}}")
    if missing is None:
        assert list(project(text).journeys) == ["proved"]
        return
    with pytest.raises(DefinitionError) as refused:
        project(text)
    assert any(missing in problem.message for problem in refused.value.problems)


def speaking(customer: dict[str, Any]) -> Play:
    p = Play(reference(), (CUSTOMER | customer,))
    p.world.renderer = Renderer(p.loaded.templates, SIMULATION_KEY)
    return p


OPENED = ("2026-03-10 23:59", "complaint.opened", {"complaint_id": "CP-1"})
FILED = ("2026-03-02 10:00", "claim.filed", {"claim_id": "K-1"})
NODE = ("2026-03-03 10:00", "claim.status_changed", {"claim_id": "K-1", "expected_by": "2026-03-20"})
FAILED = ("2026-03-10 10:00", "payment.failed", {"reason_code": "card_expired", "attempt_no": 1})
ENQUIRIES = [(f"2026-03-0{n} 10:00", "enquiry.made", {"product_line": "life"}) for n in (2, 3, 4)]
BORN = {"birth_date": "1980-03-10", "tier": "high_value"}


# the reference: (customer, events, template, what it says, what it does not say)
@pytest.mark.parametrize(
    ("customer", "events", "template", "says", "never"),
    [
        pytest.param({}, [OPENED], "complaint_ack", "2026年3月25日", None, id="answer in 15 days"),
        pytest.param(
            {},
            [(*OPENED[:2], OPENED[2] | {"answer_by": "2026-03-12"})],
            "complaint_ack",
            "2026年3月12日",
            None,
            id="answer by",
        ),
        pytest.param({}, [FILED], "claim_delay", "2026年3月8日", None, id="sent on the 5th, answer in 3 days"),
        pytest.param({}, [FILED, NODE], "claim_delay", "2026年3月20日", None, id="the last date received"),
        pytest.param({}, [FAILED], "payfail_final", "2026年5月11日", None, id="the last day of grace"),
        pytest.param(
            {},
            [(*FAILED[:2], FAILED[2] | {"due_date": None})],
            "payfail_final",
            "请尽快",
            "None",
            id="no last day: guarded",
        ),
        pytest.param({}, ENQUIRIES, "need_followup", "顾问可结合", "None", id="no advisor"),
        pytest.param({"advisor_name": "李顾问"}, ENQUIRIES, "need_followup", "顾问李顾问可结合", None, id="an advisor"),
        pytest.param(BORN, [], "birthday_vip", "专属顾问为您备好", "None", id="a birthday without advisor"),
        pytest.param(
            BORN | {"advisor_name": "李顾问"}, [], "birthday_vip", "专属顾问李顾问为您备好", None, id="with advisor"
        ),
    ],
)
def test_the_reference_has_its_defaults(
    customer: dict[str, Any], events: list[Any], template: str, says: str, never: str | None
) -> None:
    p = speaking(customer)
    for when, kind, payload in events:
        p.event(when, kind, **payload)
    p.until("2026-03-16 00:00")
    texts = [row.text or "" for row in p.rows if row.template == template and row.status == "sent"]
    assert texts
    assert says in texts[0]
    assert never is None or never not in texts[0]
