"""Q32, Q33: what makes a message of a reaction the only one, and what a new event does to an unfinished copy."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, SMS, bill, moved, paid, small


def step(name: str, what: str = MAIL) -> str:
    return f"{{id: {name}, {what}}}"


WAITING = f"do: [{step('a')}, {{wait: 2 days}}, {step('b')}]"
NIGHTLY = f"do: [{step('a', SMS)}, {{wait: 2 days}}, {step('b')}]"
JOURNEYS = (
    small("sends", f"react: [{{when: payment.due_changed, do: [{step('a')}]}}]", only="sends"),
    small("once", f"react: [{{when: payment.due_changed, once: true, do: [{step('a')}]}}]", only="once"),
    small("waits", f"react: [{{when: payment.due_changed, {WAITING}}}]", only="waits"),
    small("side", f"react: [{{when: payment.due_changed, parallel: true, {WAITING}}}]", only="side"),
    small("nightly", f"react: [{{when: payment.due_changed, {NIGHTLY}}}]", only="nightly"),
    small("asleep", f"react: [{{when: payment.due_changed, parallel: true, {NIGHTLY}}}]", only="asleep"),
    small(
        "several",
        f"""
        react:
          - {{when: payment.due_changed, do: [{step("a")}]}}
          - {{when: [payment.due_changed, payment.received], do: [{step("b")}]}}
          - {{when: payment.due_changed, if: event.amount_cny > 100, do: [{step("c")}]}}
          - {{when: payment.received, do: [{step("d")}]}}
        """,
        only="several",
    ),
    small(
        "two_kinds",
        f"""
        react:
          - {{when: payment.due_changed, {WAITING}}}
          - {{when: payment.received, do: [{step("c")}, {{wait: 2 days}}, {step("d")}]}}
        """,
        only="two_kinds",
    ),
    small(
        "either",
        f"react: [{{when: [payment.due_changed, payment.received], {WAITING}}}]",
        only="either",
    ),
)


def play(journey: str) -> Play:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-02-01 10:00", pay_method=journey)
    return p


def steps(p: Play) -> list[str]:
    return [f"{str(when)[5:]} {name}" for when, _, name in p.sent]


# ---- Q32: one message for each seq of the entity, else for each event


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        pytest.param([(2, "x", "x"), (3, "y", "x")], 2, id="two seqs"),
        pytest.param([(2, "x", "x"), (2, "y", "x")], 1, id="one seq, two ids"),
        pytest.param([(2, "x", "x"), (2, "y", "z")], 2, id="one seq of two entities"),
        pytest.param([(None, "x", "x"), (None, "y", "x")], 2, id="no seq, two ids"),
        pytest.param([(None, "x", "x"), (None, "x", "x")], 1, id="no seq, one id: a duplicate"),
        pytest.param([(2, "x", "x"), (None, "y", "x")], 2, id="with and without"),
    ],
)
def test_the_key_of_a_message_of_a_reaction(changes: list[tuple[int | None, str, str]], sent: int) -> None:
    p = play("sends")
    for n, (seq, name, entity) in enumerate(changes):
        moved(p, f"2026-02-02 10:0{n}", "2026-03-20", seq=seq, id=name, entity=entity)
    p.until("2026-02-10 00:00")
    assert len(p.sent) == sent
    assert len({r.message_id for r in p.rows}) == sent


def test_two_sources_with_one_seq_are_one_message() -> None:
    """The seq of another source is not stale (Q29), but the message of that seq has been sent (Q32)."""
    p = play("sends")
    moved(p, "2026-02-02 10:00", "2026-03-20", seq=2)
    moved(p, "2026-02-02 10:01", "2026-03-20", seq=2, source="Another system")
    p.until("2026-02-10 00:00")
    assert steps(p) == ["02-02 10:00 a"]


@pytest.mark.parametrize(
    ("at_most", "expected"),
    [(2, ["02-04 10:00", "02-07 10:00"]), (4, ["02-04 10:00", "02-07 10:00", "02-10 10:00", "02-13 10:00"])],
)
def test_each_firing_of_a_deadline_is_a_message_of_its_own(at_most: int, expected: list[str]) -> None:
    text = small(
        "late",
        f"deadlines: [{{id: d, after: 3 days, since: payment.due_scheduled, at_most: {at_most}, do: [{step('a')}]}}]",
    )
    p = Play(project(text))
    bill(p, "2026-02-01 10:00")
    p.until("2026-03-01 00:00")
    assert steps(p) == [f"{day} a" for day in expected]
    assert len({r.message_id for r in p.rows}) == at_most


def test_the_anchor_date_makes_a_touch_the_only_one() -> None:
    text = small(
        "touch",
        f"""
        schedule: [{{id: t, at: 3 days before due_date 09:00, {MAIL}}}]
        react: [{{when: payment.due_changed, set: {{due_date: event.due_date}}}}]
        """,
    )
    p = Play(project(text))
    bill(p, "2026-02-01 10:00", "2026-03-12")
    for n, (day, to) in enumerate([("03-10", "03-20"), ("03-18", "03-12"), ("03-19", "03-25")], 2):
        moved(p, f"2026-{day} 10:00", f"2026-{to}", seq=n)
    p.until("2026-06-01 00:00")
    assert [(r.anchor, r.status) for r in p.rows] == [
        ("2026-03-12", "sent"),
        ("2026-03-20", "sent"),
        ("2026-03-25", "sent"),
    ]
    assert len({r.message_id for r in p.rows}) == 3


@pytest.mark.parametrize("changes", [1, 2, 3])
def test_once_runs_once_for_each_run(changes: int) -> None:
    p = play("once")
    bill(p, "2026-02-01 10:00", no=2, pay_method="once")
    for n in range(changes):
        moved(p, f"2026-02-0{2 + n} 10:00", "2026-03-20", seq=2 + n)
    moved(p, "2026-02-08 10:00", "2026-03-20", no=2)
    p.until("2026-02-10 00:00")
    assert steps(p) == ["02-02 10:00 a", "02-08 10:00 a"]


SUPERSEDED = [
    "02-02 22:00 a held quiet_hours",
    "02-02 23:00 a suppressed superseded",
    "02-02 23:00 a held quiet_hours",
    "02-03 08:00 a sent",
    "02-05 08:00 b sent",
]

# ---- Q33: a reaction sends `a`, waits for two days, sends `b`; changes come on 2 February at 10:00 and again


@pytest.mark.parametrize(
    ("journey", "second", "expected"),
    [
        ("waits", None, ["02-02 10:00 a", "02-04 10:00 b"]),
        ("waits", "02-03 10:00", ["02-02 10:00 a", "02-03 10:00 a", "02-05 10:00 b"]),
        ("waits", "02-04 09:59:59.999", ["02-02 10:00 a", "02-04 09:59:59.999 a", "02-06 09:59:59.999 b"]),
        ("waits", "02-04 10:00", ["02-02 10:00 a", "02-04 10:00 a", "02-06 10:00 b"]),  # the arrival first (N7)
        (
            "waits",
            "02-04 10:00:00.001",
            ["02-02 10:00 a", "02-04 10:00 b", "02-04 10:00:00.001 a", "02-06 10:00:00.001 b"],
        ),
        ("side", "02-03 10:00", ["02-02 10:00 a", "02-03 10:00 a", "02-04 10:00 b", "02-05 10:00 b"]),
    ],
)
def test_a_new_event_starts_an_unfinished_copy_anew(journey: str, second: str | None, expected: list[str]) -> None:
    p = play(journey)
    moved(p, "2026-02-02 10:00", "2026-03-20", seq=2)
    if second:
        moved(p, f"2026-{second}", "2026-03-20", seq=3)
    p.until("2026-02-20 00:00")
    assert steps(p) == expected


@pytest.mark.parametrize(
    ("journey", "seq", "expected"),
    [
        pytest.param(
            "nightly",
            3,
            SUPERSEDED,
            id="superseded",
        ),
        pytest.param(
            "nightly",
            2,
            ["02-02 22:00 a held quiet_hours", "02-03 08:00 a sent", "02-05 08:00 b sent"],
            id="stale: no effect",
        ),
        pytest.param(
            "asleep",
            3,
            ["02-02 22:00 a held quiet_hours", "02-02 23:00 a held quiet_hours"]
            + ["02-03 08:00 a sent"] * 2
            + ["02-05 08:00 b sent"] * 2,
            id="parallel: side by side",
        ),
    ],
)
def test_what_an_unfinished_copy_still_holds(journey: str, seq: int, expected: list[str]) -> None:
    p = play(journey)
    moved(p, "2026-02-02 22:00", "2026-03-20", seq=2)
    moved(p, "2026-02-02 23:00", "2026-03-20", seq=seq)
    p.until("2026-02-20 00:00")
    assert [
        " ".join(filter(None, (str(p.local(r.decided_at))[5:], r.step, r.status, r.reason))) for r in p.rows
    ] == expected


def test_a_reaction_that_only_sends_runs_side_by_side() -> None:
    text = small("texts", f"react: [{{when: payment.due_changed, do: [{step('a', SMS)}]}}]")
    p = Play(project(text))
    bill(p, "2026-02-01 10:00")
    moved(p, "2026-02-02 22:00", "2026-03-20", seq=2)
    moved(p, "2026-02-02 23:00", "2026-03-21", seq=3)
    p.until("2026-02-10 00:00")
    assert p.not_sent("suppressed") == []
    assert steps(p) == ["02-03 08:00 a", "02-03 08:00 a"]


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        pytest.param(
            "two_kinds",
            ["02-02 10:00 a", "02-03 10:00 c", "02-04 10:00 b", "02-05 10:00 d"],
            id="another reaction's event",
        ),
        pytest.param("either", ["02-02 10:00 a", "02-03 10:00 a", "02-05 10:00 b"], id="one reaction to both"),
    ],
)
def test_only_an_event_of_its_own_cancels_a_copy(journey: str, expected: list[str]) -> None:
    p = play(journey)
    moved(p, "2026-02-02 10:00", "2026-03-20")
    paid(p, "2026-02-03 10:00", outstanding_cny="1.00")
    p.until("2026-02-20 00:00")
    assert steps(p) == expected


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("payment.due_changed", {"amount_cny": "100.00"}, ["a", "b"]),
        ("payment.due_changed", {"amount_cny": "100.01"}, ["a", "b", "c"]),
        ("payment.received", {}, ["b", "d"]),
    ],
)
def test_all_reactions_that_match_run(kind: str, more: dict[str, Any], expected: list[str]) -> None:
    p = play("several")
    p.event("2026-02-02 10:00", kind, policy_id="P-1", installment_no=1, entity="P-1/1", seq=2, **more)
    p.until("2026-02-10 00:00")
    assert [name for _, _, name in p.sent] == expected
