"""Q3: the event at hand, then facts, then parameters; a fact changes only by `set`."""

import pytest

from sojourn.rendering import Renderer
from sojourn.rendering.links import SIMULATION_KEY
from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, bill, moved, small

FACTS = "{due_date: event.due_date, tier: customer.tier, later: due_date + days(10)}"
BODY = f"""
params: {{task: {{type: text, value: theirs}}}}
react:
  - when: payment.due_changed
    set: {{due_date: event.due_date}}
    do:
      - {{id: fact_moved, if: due_date == event.due_date, {MAIL}}}
      - {{id: follows, if: later == event.due_date + days(10), {MAIL}}}
  - when: payment.failed
    do:
      - {{id: kept, if: event.due_date is not none and due_date != event.due_date, {MAIL}}}
      - {{id: fact_tier, if: tier == 'basic', {MAIL}}}
      - {{id: live_tier, if: customer.tier == 'high_value', {MAIL}}}
      - {{id: param, if: param.task == 'theirs', {MAIL}}}
goal: {{when: payment.received}}
"""


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(["moved"], ["fact_moved", "follows"], id="set changes a fact, and what is derived from it"),
        pytest.param(["failed"], ["kept", "fact_tier", "param"], id="an event alone changes no fact"),
        pytest.param(["tier", "failed"], ["kept", "fact_tier", "live_tier", "param"], id="customer. is as of now"),
    ],
)
def test_a_fact_changes_only_by_set(events: list[str], expected: list[str]) -> None:
    p = Play(project(small("looks", BODY, facts=FACTS)))
    bill(p, "2026-02-01 10:00")
    for hour, kind in enumerate(events, 11):
        when = f"2026-02-01 {hour}:00"
        if kind == "moved":
            moved(p, when, "2026-03-20")
        elif kind == "tier":
            p.event(when, "customer.tier_changed", to_tier="high_value")
        else:
            p.event(when, "payment.failed", policy_id="P-1", installment_no=1, due_date="2026-03-25")
    p.until("2026-02-02 00:00")
    assert [step for _, _, step in p.sent] == expected


BY_DATE = f"""
schedule: [{{id: t, at: later 09:00, {MAIL}}}]
react: [{{when: payment.due_changed, set: {{due_date: event.due_date}}}}]
"""


def test_a_derived_date_takes_its_touches_along() -> None:
    p = Play(project(small("follows", BY_DATE, facts=FACTS)))
    bill(p, "2026-02-01 10:00")
    moved(p, "2026-02-01 11:00", "2026-03-20")
    p.until("2026-04-20 00:00")
    assert p.sent == [("2026-03-30 09:00", "email", "t")]


# the same variable, `due_date`, of one template: in a reaction the event says it, in the flow the run's fact;
# `offer_end` is a fact, a journey's parameter or the project's
SPOKEN = """
params: {offer_end: {type: date, value: 2026-05-05}}
flow: [{id: own, send: silence_points_offer, by: email, class: marketing}]
react:
  - when: payment.due_changed
    do: [{id: event, send: due_date_changed, by: sms}]
schedule: [{id: fact, at: 3 days before due_date 09:00, send: renewal_t3, by: sms}]
"""
AMOUNT = "due_date: event.due_date, amount: event.amount_cny"
TEXTS = (
    small("spoken", SPOKEN, facts=f"{{{AMOUNT}}}", only="spoken"),
    small("remembered", SPOKEN, facts=f"{{{AMOUNT}, offer_end: due_date + days(1)}}", only="remembered"),
    small("shared", SPOKEN.split("\n", 2)[2], facts=f"{{{AMOUNT}}}", only="shared"),
)


@pytest.mark.parametrize(
    ("journey", "step", "says"),
    [
        pytest.param("spoken", "own", "2026年5月5日", id="the journey's parameter over the project's"),
        pytest.param("remembered", "own", "2026年3月13日", id="a fact over a parameter"),
        pytest.param("shared", "own", "2028年12月31日", id="the project's parameter"),
        pytest.param("spoken", "event", "2026年3月20日", id="the event at hand over a fact"),
        pytest.param("spoken", "fact", "2026年3月12日", id="without an event the fact"),
    ],
)
def test_the_nearest_source_gives_the_value(journey: str, step: str, says: str) -> None:
    p = Play(project(*TEXTS))
    p.world.renderer = Renderer(p.loaded.templates, SIMULATION_KEY)
    bill(p, "2026-02-01 10:00", pay_method=journey)
    moved(p, "2026-02-01 11:00", "2026-03-20")
    p.until("2026-04-20 00:00")
    assert [says in (row.text or "") for row in p.rows if row.step == step] == [True]
