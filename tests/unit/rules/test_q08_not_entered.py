"""Q8: what must not be told is not entered and leaves one row; a cool-down counts what was sent."""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, small

SMS = "send: silence_simple_steps, by: sms"
BOTH = "send: silence_simple_steps, by: {first_of: [sms, email]}"


def journey(name: str, flow: str, klass: str = "marketing", more: str = "", again: str = "never") -> str:
    return small(name, f"{more}\nflow: [{{id: a, {flow}}}]", klass=klass, only=name, again=again)


JOURNEYS = (
    journey("mail", OFFER),
    journey("text", SMS),
    journey("both", BOTH),
    journey("care", CARE, "care"),
    journey("service", MAIL, "service"),
    journey("must", MAIL, "mandatory"),
    journey("person", OFFER, more="personalised: true"),
    journey("cool", OFFER, again="{after: 3 days}"),
    journey("control", OFFER, more="control: {percent: 1, name: everybody_39}", again="{after: 3 days}"),
    small(
        "anyone", f"flow: [{{wait: 5 days}}, {{id: a, {MAIL}}}]", again="{after: 3 days, per: customer}", only="anyone"
    ),
    small("each", f"flow: [{{wait: 5 days}}, {{id: a, {MAIL}}}]", again="{after: 3 days, per: key}", only="each"),
)


def consents(marketing: str = "", care: str = "") -> dict[str, Any]:
    """Give a consent for the channels named."""
    return {
        "consent": {
            "marketing": {c: c in marketing.split() for c in ("sms", "email")},
            "care": {c: c in care.split() for c in ("sms", "email")},
        }
    }


@pytest.mark.parametrize(
    ("name", "customer", "cause"),
    [
        ("mail", consents(marketing="email"), None),
        ("mail", consents(marketing="sms", care="sms email"), "no_consent"),
        ("mail", {"consent": {}}, "no_consent"),
        ("text", consents(marketing="email"), "no_consent"),
        ("both", consents(marketing="sms"), None),
        ("both", consents(marketing="email"), None),
        ("both", consents(care="sms email"), "no_consent"),
        ("care", consents(marketing="sms email"), "no_consent"),
        ("care", consents(care="email"), None),
        ("mail", {"do_not_contact": True}, "do_not_contact"),
        ("care", {"do_not_contact": True} | consents(), "do_not_contact"),
        ("person", {"personalisation_opt_out": True}, "personalisation_opt_out"),
        ("person", {"personalisation_opt_out": True} | consents(), "personalisation_opt_out"),
        ("person", {"personalisation_opt_out": True, "do_not_contact": True}, "do_not_contact"),
        ("mail", {"personalisation_opt_out": True}, None),
        ("service", {"consent": {}}, None),
        ("must", {"consent": {}, "do_not_contact": True}, None),
    ],
)
def test_one_row_and_no_run(name: str, customer: dict[str, Any], cause: str | None) -> None:
    p = Play(project(*JOURNEYS), (CUSTOMER | customer,))
    bill(p, "2026-02-01 10:00", pay_method=name)
    p.until("2026-07-01 00:00")
    if cause is None:
        assert (p.starts, [row.status for row in p.rows]) == (1, ["sent"])
        return
    (row,) = p.rows
    assert (row.status, row.reason, row.detail) == ("skipped", "not_entered", {"cause": cause})
    assert (row.step, row.template, row.channel, row.journey, p.starts) == (None, None, None, name, 0)
    assert p.local(row.due_at) == "2026-02-01 10:00"


def test_other_refusals_leave_no_row() -> None:
    p = Play(project(*JOURNEYS), (CUSTOMER | {"consent": {}},))
    p.event("2026-01-15 10:00", "customer.deceased")
    bill(p, "2026-02-01 10:00", pay_method="mail")
    p.until("2026-07-01 00:00")
    assert p.rows == []
    assert [note.cause for note in p.notes] == ["deceased"]


# a bill of installment 1, again some days later: (what happens in between, days, starts)
@pytest.mark.parametrize(
    ("name", "between", "again", "starts"),
    [
        pytest.param("cool", "", "2026-02-04 09:59:59.999", 1, id="1 ms before the end of the cool-down"),
        pytest.param("cool", "", "2026-02-04 10:00", 2, id="at its end"),
        pytest.param("cool", "complaint", "2026-02-01 10:00:00.001", 2, id="nothing was sent: no cool-down"),
        pytest.param("cool", "refused", "2026-02-01 11:00", 1, id="not entered: no cool-down"),
        pytest.param("control", "", "2026-02-04 09:59:59.999", 1, id="a would-be send counts"),
        pytest.param("control", "", "2026-02-04 10:00", 2, id="up to the same end"),
        pytest.param("control", "complaint", "2026-02-04 09:59:59.999", 1, id="control comes before the pause (Q15)"),
    ],
)
def test_a_cool_down_counts_runs_that_sent_something(name: str, between: str, again: str, starts: int) -> None:
    p = Play(project(*JOURNEYS), (CUSTOMER | ({"consent": {}} if between == "refused" else {}),))
    if between == "complaint":
        p.event("2026-02-01 09:00", "complaint.opened")
    bill(p, "2026-02-01 10:00", pay_method=name)
    if between == "refused":
        p.event("2026-02-01 10:30", "consent.changed", purpose="all", channel="all", granted=True)
    bill(p, again, seq=2, pay_method=name)
    p.until("2026-02-04 10:00")
    assert p.starts == starts


@pytest.mark.parametrize(("name", "no", "starts"), [("anyone", 1, 1), ("anyone", 2, 1), ("each", 1, 1), ("each", 2, 2)])
def test_per_customer_an_active_run_blocks_whatever_its_key(name: str, no: int, starts: int) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-02-01 10:00", pay_method=name)
    bill(p, "2026-02-02 10:00", seq=2, no=no, pay_method=name)
    p.until("2026-02-05 00:00")
    assert p.starts == starts
    assert [note.cause for note in p.notes if note.kind == "ignored"] == ["active"] * (2 - starts)
