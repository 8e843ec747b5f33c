"""Q13: who does not want personal decisions is not entered into `personalised` journeys, nor sent what they reached."""

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project, reference
from tests.unit.rules.small import MAIL, bill, small

BODY = f"flow: [{{id: now, {MAIL}}}, {{wait: 1 day}}, {{id: later, {MAIL}}}, {{id: must, {MAIL}, class: mandatory}}]"
JOURNEYS = (
    small("personal", f"personalised: true\n{BODY}", only="personal"),
    small("plain", BODY, only="plain"),
)


def opts(p: Play, when: str, out: bool = True) -> None:
    p.event(when, "customer.updated", changed=["x"], profile={"personalisation_opt_out": out})


ALL = [("now", "sent", None), ("later", "sent", None), ("must", "sent", None)]
LATE = [("now", "sent", None), ("later", "suppressed", "personalisation_opt_out"), ("must", "sent", None)]
NONE = [(None, "skipped", "not_entered")]
WAKES = "2026-03-03 10:00"


@pytest.mark.parametrize(
    ("journey", "changes", "expected"),
    [
        pytest.param("personal", [], ALL, id="no opt-out"),
        pytest.param("personal", [("2026-03-01 10:00", True)], NONE, id="before the start"),
        pytest.param("personal", [("2026-03-02 10:00:00.001", True)], LATE, id="while it runs"),
        pytest.param("personal", [(WAKES, True)], LATE, id="at the instant of the hand-over"),
        pytest.param("personal", [(f"{WAKES}:00.001", True)], ALL, id="1 ms after it"),
        pytest.param("personal", [("2026-03-01 10:00", True), ("2026-03-02 10:00", False)], ALL, id="taken back"),
        pytest.param("plain", [("2026-03-01 10:00", True)], ALL, id="a journey that is not personalised"),
    ],
)
def test_an_opt_out_counts_at_entry_and_at_hand_over(
    journey: str, changes: list[tuple[str, bool]], expected: list[object]
) -> None:
    p = Play(project(*JOURNEYS))
    for when, out in [e for e in changes if e[0] <= "2026-03-02 10:00"]:
        opts(p, when, out)
    bill(p, "2026-03-02 10:00", pay_method=journey)
    for when, out in [e for e in changes if e[0] > "2026-03-02 10:00"]:
        opts(p, when, out)
    p.until("2026-04-01 00:00")
    assert [(row.step, row.status, row.reason) for row in p.rows] == expected


ENTRIES = {
    "churn_win_back": [("churn.risk_scored", {})],
    "need_alert": [("enquiry.made", {"product_line": "life"})] * 3,
    "cross_sell_suitability": [("recommendation.generated", {})],
    "silence_reactivation": [("silence.detected", {})],
}


@pytest.mark.parametrize("name", ENTRIES)
def test_j09_j10_and_j15_are_personalised(name: str) -> None:
    p = Play(reference(name), (CUSTOMER | {"personalisation_opt_out": True},))
    for n, (kind, payload) in enumerate(ENTRIES[name]):
        p.event(f"2026-03-02 1{n}:00", kind, **payload)
    p.until("2026-03-02 13:00")
    refused = [(row.journey, row.detail.get("cause")) for row in p.rows if row.reason == "not_entered"]
    assert refused == ([] if name == "silence_reactivation" else [(name, "personalisation_opt_out")])
    assert p.starts == (name == "silence_reactivation")
