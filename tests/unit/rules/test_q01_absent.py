"""Q1: a value that may be absent must be guarded; one that is absent all the same makes a comparison unknown."""

import pytest

from sojourn.definitions.problems import DefinitionError
from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import MAIL, bill, paid, small


def touch(condition: str, name: str) -> str:
    body = f'schedule: [{{id: t, at: due_date 09:00, if: "{condition}", {MAIL}}}]'
    return small(name, body, facts="{due_date: event.due_date, amount: event.amount_cny}", only=name)


GUARDED = (
    "customer.points_balance is not none and customer.points_balance > 100",
    "customer.points_balance is none or customer.points_balance > 100",
    "customer.points_balance | default(0) > 100",
    "customer.points_balance is none",
    "customer.tier == 'basic'",
)
BARE = (
    "customer.points_balance > 100",
    "customer.points_balance == 100",
    "customer.birth_date < today",
    "customer.advisor_id is not none and customer.points_balance > 100",
    "customer.points_balance is not none or customer.points_balance > 100",
    "customer.points_balance is none and customer.points_balance > 100",
)


def test_check_wants_a_guard_or_a_default_in_the_same_condition() -> None:
    with pytest.raises(DefinitionError) as refused:
        project(*(touch(condition, f"c{n}") for n, condition in enumerate((*BARE, *GUARDED))))
    assert {(p.file.split("/")[-1], "absent" in p.message) for p in refused.value.problems} == {
        (f"c{n}.yaml", True) for n in range(len(BARE))
    }


# the customer has no name, though the schema says that everybody has one; the amount is 100
YES, NO, UNKNOWN = ["sent"], [], ["suppressed condition_unknown"]
NAME = "customer.name == 'x'"
LOGIC = [
    (NAME, UNKNOWN),
    ("customer.name != 'x'", UNKNOWN),
    ("customer.name in ['x']", UNKNOWN),
    (f"not ({NAME})", UNKNOWN),
    (f"{NAME} or amount == 100", YES),
    (f"amount == 100 or {NAME}", YES),
    (f"{NAME} or amount == 1", UNKNOWN),
    (f"{NAME} and amount == 100", UNKNOWN),
    (f"amount == 100 and {NAME}", UNKNOWN),
    (f"{NAME} and amount == 1", NO),
    (f"not ({NAME} and amount == 1)", YES),
    (f"not ({NAME} or amount == 100)", NO),
    (f"not ({NAME} or amount == 1)", UNKNOWN),
    ("customer.name is none", YES),
    ("amount == 1", NO),
]


@pytest.mark.parametrize("case", range(len(LOGIC)), ids=[condition for condition, _ in LOGIC])
def test_a_touch_with_an_unknown_condition_is_suppressed(case: int) -> None:
    p = Play(project(*(touch(condition, f"t{n}") for n, (condition, _) in enumerate(LOGIC))))
    bill(p, "2026-02-01 10:00", amount_cny="100.00", pay_method=f"t{case}")
    p.until("2026-07-01 00:00")
    assert [" ".join(filter(None, (row.status, row.reason))) for row in p.rows] == LOGIC[case][1]


# what a match does, and what no match does: (body, steps and end if it matches, the same if not)
CARD = f'when: payment.received, if: "{NAME}"'
WHERE = {
    "goal": (f"flow: [{{wait: 1 day}}, {{id: a, {MAIL}}}]\ngoal: {{{CARD}}}", ([], "goal"), (["a"], "expired")),
    "exit": (
        f"flow: [{{wait: 1 day}}, {{id: a, {MAIL}}}]\nexit: {{{CARD}, because: over}}",
        ([], "over"),
        (["a"], "finished"),
    ),
    "wait": (
        f"""
flow:
  - wait_for: payment.received
    if: {NAME}
    within: 1 day
    then: [{{id: a, {MAIL}}}]
    otherwise: [{{id: b, {MAIL}}}]
""",
        (["a"], "finished"),
        (["b"], "finished"),
    ),
    "react": (f"react:\n  - {{{CARD}, do: [{{id: a, {MAIL}}}]}}", (["a"], "expired"), ([], "expired")),
    "choose": (
        f"""
flow:
  - choose:
      - if: {NAME}
        do: [{{id: a, {MAIL}}}]
      - otherwise: [{{id: b, {MAIL}}}]
  - {{id: c, {MAIL}}}
""",
        (["a", "c"], "finished"),
        (["b", "c"], "finished"),
    ),
}
PLACES = tuple(small(name, body, only=name) for name, (body, _, _) in WHERE.items())


@pytest.mark.parametrize("name", ["x", "y", None])
@pytest.mark.parametrize("where", [name for name in WHERE if name != "choose"])
def test_goal_exit_wait_and_reaction_match_only_what_is_true(where: str, name: str | None) -> None:
    p = Play(project(*PLACES), (CUSTOMER | {"name": name},))
    bill(p, "2026-02-01 10:00", pay_method=where)
    paid(p, "2026-02-01 12:00")
    p.until("2026-07-01 00:00")
    steps, end = WHERE[where][1 if name == "x" else 2]
    assert ([step for _, _, step in p.sent], p.ends) == (steps, [(where, end)])


@pytest.mark.parametrize(("name", "starts"), [("x", 1), ("y", 0), (None, 0)])
def test_a_start_matches_only_what_is_true(name: str | None, starts: int) -> None:
    text = small("start", f"flow: [{{id: a, {MAIL}}}]", when=f'{{when: payment.due_scheduled, if: "{NAME}"}}')
    p = Play(project(text), (CUSTOMER | {"name": name},))
    bill(p, "2026-02-01 10:00")
    p.until("2026-07-01 00:00")
    assert (p.starts, len(p.rows)) == (starts, starts)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("x", [("a", "email", "sent", None), ("c", "email", "sent", None)]),
        ("y", [("b", "email", "sent", None), ("c", "email", "sent", None)]),
        (None, [("choose_1", None, "suppressed", "condition_unknown")]),
    ],
)
def test_an_unknown_choice_ends_the_run_with_one_row(name: str | None, rows: list[object]) -> None:
    p = Play(project(*PLACES), (CUSTOMER | {"name": name},))
    bill(p, "2026-02-01 10:00", pay_method="choose")
    p.until("2026-02-01 10:00")
    assert [(row.step, row.channel, row.status, row.reason) for row in p.rows] == rows
    assert len(p.ends) == 1
