"""Q6: the step decides class and urgency; a template's own class is checked against it, never weaker."""

import pytest

from sojourn.definitions.problems import DefinitionError
from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import bill, small

WEAKER = ["mandatory", "service", "care", "marketing"]  # in this order
TEMPLATES = {  # of each class, with what it wants
    "mandatory": "send: kyc_restricted, by: email, with: {document: X}",
    "service": "send: claim_ack, by: email, with: {claim_no: X}",
    "care": "send: onboarding_handbook, by: email, with: {product: X}",
    "marketing": "send: silence_simple_steps, by: email",
}


def step(name: str, send: str) -> str:
    """Give a marketing journey that uses both channels, so that one consent lets it start (Q8)."""
    other = "schedule: [{id: other, at: due_date 09:00, send: silence_simple_steps, by: [sms, email]}]"
    return small(name, f"flow: [{{id: {name}, {send}}}]\n{other}", klass="marketing", only=name)


SENDS = {
    "journeys": "send: claim_ack, by: email, with: {claim_no: X}",
    "stronger": "send: claim_ack, by: email, with: {claim_no: X}, class: service",
    "must": "send: claim_ack, by: email, with: {claim_no: X}, class: mandatory",
    "calm": "send: claim_ack, by: sms, with: {claim_no: X}, class: service",  # the template says urgent
    "hurry": "send: csat_sorry, by: sms, class: service, urgent: true",  # the template does not
}
STEPS = tuple(step(name, send) for name, send in SENDS.items())


# at 22:00; marketing is granted by SMS, by e-mail as the case says
@pytest.mark.parametrize(
    ("name", "granted", "row"),
    [
        ("journeys", True, ("marketing", "sent", None)),
        ("journeys", False, ("marketing", "suppressed", "no_consent")),
        ("stronger", False, ("service", "sent", None)),
        ("must", False, ("mandatory", "sent", None)),
        ("calm", False, ("service", "held", "quiet_hours")),
        ("hurry", False, ("service", "sent", None)),
    ],
)
def test_the_steps_class_and_urgency_count(name: str, granted: bool, row: tuple[str, str, str | None]) -> None:
    p = Play(project(*STEPS), (CUSTOMER | {"consent": {"marketing": {"email": granted, "sms": True}}},))
    bill(p, "2026-03-02 22:00", pay_method=name)
    p.until("2026-03-02 23:00")
    assert [(r.klass, r.status, r.reason) for r in p.rows] == [row]


def test_a_template_that_needs_consent_goes_only_as_what_it_is_or_weaker() -> None:
    names = {f"{klass}_as_{own}": (send, own) for klass, send in TEMPLATES.items() for own in WEAKER}
    texts = [small(name, f"flow: [{{id: a, {send}, class: {own}}}]") for name, (send, own) in names.items()]
    with pytest.raises(DefinitionError) as refused:
        project(*texts)
    assert {problem.file.split("/")[-1] for problem in refused.value.problems if problem.severity == "error"} == {
        f"{klass}_as_{own}.yaml"
        for n, klass in enumerate(WEAKER)
        for own in WEAKER[:n]
        if klass in ("care", "marketing")
    }
