"""Q16: first_of takes the first channel with address and consent; the night holds the choice, not longer."""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import bill, small

JOURNEYS = tuple(
    small(
        name,
        f"schedule: [{{id: t, at: due_date 22:00, send: silence_simple_steps, by: {{first_of: {order}}}}}]",
        klass="marketing",
        only=name,
    )
    for name, order in {"texts": "[sms, email]", "mails": "[email, sms]"}.items()
)
NIGHT, MORNING = "2026-03-12 22:00", "2026-03-13 08:00"


def marketing(**by: bool) -> dict[str, Any]:
    return {"consent": {"marketing": {"sms": True, "email": True} | by}}


def play(journey: str, customer: dict[str, Any], *news: tuple[str, str, dict[str, Any]]) -> list[str]:
    p = Play(project(*JOURNEYS), (CUSTOMER | customer,))
    bill(p, "2026-03-02 10:00", pay_method=journey)
    for when, kind, payload in news:
        p.event(when, kind, **payload)
    p.until("2026-03-20 00:00")
    return [" ".join(filter(None, (p.local(r.decided_at), r.channel, r.status, r.reason))) for r in p.rows]


HELD, TEXTED = f"{NIGHT} sms held quiet_hours", f"{MORNING} sms sent"


@pytest.mark.parametrize(
    ("journey", "customer", "expected"),
    [
        ("texts", {}, [HELD, TEXTED]),  # e-mail would go at once, but SMS is first
        ("mails", {}, [f"{NIGHT} email sent"]),
        ("texts", {"mobile": None}, [f"{NIGHT} email sent"]),
        ("texts", {"mobile_valid": False}, [f"{NIGHT} email sent"]),
        ("texts", marketing(sms=False), [f"{NIGHT} email sent"]),
        ("mails", {"email": None}, [HELD, TEXTED]),
        ("mails", {"email_valid": False}, [HELD, TEXTED]),
        ("mails", marketing(email=False), [HELD, TEXTED]),
        ("texts", {"mobile": None, "email": None}, [f"{NIGHT} sms suppressed no_address"]),
        ("texts", {"mobile_valid": False, "email": None}, [f"{NIGHT} sms suppressed invalid_address"]),
        ("texts", {"email": None} | marketing(sms=False), [f"{NIGHT} sms suppressed no_consent"]),
        ("mails", {"email": None} | marketing(sms=False), [f"{NIGHT} email suppressed no_address"]),
        ("mails", {"mobile": None} | marketing(email=False), [f"{NIGHT} email suppressed no_consent"]),
    ],
)
def test_the_first_usable_channel(journey: str, customer: dict[str, Any], expected: list[str]) -> None:
    assert play(journey, customer) == expected


UPDATED, CONSENT = "customer.updated", "consent.changed"
NO_SMS = {"purpose": "marketing", "channel": "sms", "granted": False}


@pytest.mark.parametrize(
    ("customer", "news", "expected"),
    [
        pytest.param(
            {}, ("2026-03-13 03:00", CONSENT, NO_SMS), [HELD, f"{MORNING} email sent"], id="SMS withdrawn by night"
        ),
        pytest.param({}, (MORNING, CONSENT, NO_SMS), [HELD, f"{MORNING} email sent"], id="at the release"),
        pytest.param({}, (f"{MORNING}:00.001", CONSENT, NO_SMS), [HELD, TEXTED], id="1 ms after it"),
        pytest.param(
            {},
            ("2026-03-13 03:00", UPDATED, {"changed": ["mobile"], "profile": {"mobile": None}}),
            [HELD, f"{MORNING} email sent"],
            id="no number any more",
        ),
        pytest.param(
            {"email": None},
            ("2026-03-13 03:00", CONSENT, {"purpose": "care", "channel": "sms", "granted": False}),
            [HELD, TEXTED],
            id="another purpose",
        ),
        pytest.param(
            {"email": None},
            ("2026-03-13 03:00", CONSENT, NO_SMS),
            [HELD, f"{MORNING} sms suppressed no_consent"],
            id="none left: the first channel's reason",
        ),
    ],
)
def test_at_release_the_choice_is_made_again(
    customer: dict[str, Any], news: tuple[str, str, dict[str, Any]], expected: list[str]
) -> None:
    assert play("texts", customer, news) == expected
