"""`sojourn check`: warnings beside the errors, and who reaches each send under which conditions."""

from datetime import date
from pathlib import Path

import pytest

from sojourn.definitions.checks import check, reach
from sojourn.definitions.paths import Reach
from sojourn.definitions.project import load_project
from tests.unit.project_kit import FIRST, ROOT, declared, folder, loaded

DEADLINE = """
deadlines:
  - {id: d, after: 2 business days, since: payment.due_changed, at_most: 1, do: [{call: escalate, with: {level: L1}}]}
"""
BUSINESS = FIRST + DEADLINE


def said(at: Path, today: date, journeys: frozenset[str] | None = frozenset({"first"})) -> list[tuple[str, str]]:
    """Give severity and message of what is found, notes left out."""
    return [(one.severity, one.message) for one in check(at, today, journeys) if one.severity != "note"]


def test_a_project_without_business_time_needs_no_calendar(tmp_path: Path) -> None:
    assert said(folder(tmp_path / "p", (FIRST,)), date(2031, 5, 1)) == []


@pytest.mark.parametrize(
    ("today", "severity"),
    [
        (date(2026, 1, 1), []),
        (date(2026, 9, 30), []),
        (date(2026, 10, 1), ["warning"]),
        (date(2026, 12, 31), ["warning"]),
        (date(2027, 1, 1), ["error"]),
        (date(2028, 3, 1), ["error", "error"]),
    ],
)
def test_a_year_without_an_official_calendar(tmp_path: Path, today: date, severity: list[str]) -> None:
    assert [kind for kind, _ in said(folder(tmp_path / "p", (BUSINESS,)), today)] == severity


def test_a_coming_year_of_which_nothing_is_known_is_an_error(tmp_path: Path) -> None:
    calendar = declared("calendar")
    calendar = calendar[: calendar.index("  2027:")] + calendar[calendar.index("# The only source") :]
    found = said(folder(tmp_path / "p", (BUSINESS,), calendar=calendar), date(2026, 2, 1))
    assert [kind for kind, _ in found] == ["error"]
    assert "2027 has no official calendar, and first counts in business time" in found[0][1]


def test_a_festival_without_a_date_in_the_next_year_is_told() -> None:
    found = [text for _, text in said(ROOT, date(2028, 11, 1), frozenset({"festival_care"}))]
    assert any("`mid_autumn`" in text for text in found)
    assert said(ROOT, date(2026, 3, 1), frozenset({"festival_care"})) == []


def test_a_template_that_nobody_sends_is_told(tmp_path: Path) -> None:
    found = said(folder(tmp_path / "p", (FIRST,)), date(2026, 2, 1), None)
    assert ("warning", "no journey sends `renewal_t30`") in found
    assert ("warning", "no journey sends `renewal_t3`") not in found


def test_errors_come_without_an_exception(tmp_path: Path) -> None:
    found = said(folder(tmp_path / "p", (FIRST.replace("send: renewal_t3", "send: renewal_t4"),)), date(2026, 2, 1))
    assert [kind for kind, _ in found] == ["error"]


# ---- who reaches what


@pytest.fixture(scope="module")
def reached() -> dict[str, Reach]:
    """Give `journey ref` -> who reaches it, of the reference insurer."""
    return {f"{one.journey} {one.ref}": one for one in reach(load_project(ROOT))}


def test_every_send_is_in_the_list(reached: dict[str, Reach]) -> None:
    assert len({one.template for one in reached.values()}) == 61


def test_the_start_and_its_condition_are_told(reached: dict[str, Reach]) -> None:
    assert reached["renewal_premium t3"].starts == ("payment.due_scheduled if event.installment_no >= 2",)
    assert reached["renewal_premium t3"].body == "at 3 days before due_date 09:00"


def test_a_step_in_a_branch_has_the_branchs_condition(reached: dict[str, Reach]) -> None:
    assert reached["silence_reactivation offer~1"].conditions == ("product_line == 'credit_card'",)
    assert reached["silence_reactivation offer~2"].conditions == ("not (product_line == 'credit_card')",)


def test_a_step_behind_joined_branches_has_none(reached: dict[str, Reach]) -> None:
    assert reached["silence_reactivation nudge"].conditions == ("no activity.recorded within 7 days",)


def test_conditions_add_up_along_the_way(reached: dict[str, Reach]) -> None:
    assert len(reached["claim_status docs_r2"].conditions) == 2


def test_parts_beside_the_flow_say_when_they_run(reached: dict[str, Reach]) -> None:
    assert reached["claim_status node"].body.startswith("while the run lives, at claim.status_changed")
    assert reached["claim_status paid"].body == "at the goal: claim.paid"
    assert reached["claim_status delay"].body.startswith("3 days after the last claim.filed")


def test_guards_follow_from_class_and_journey(reached: dict[str, Reach]) -> None:
    offer = reached["cross_sell_suitability offer"].guards
    assert "consent to marketing" in offer
    assert "no opt-out of personalisation" in offer
    assert reached["claim_status delay30"].guards == ()


def test_calls_arms_and_choices_have_words_of_their_own(tmp_path: Path) -> None:
    text = """
    journey: words
    name: {zh: 词, en: Words}
    stage: serve
    class: care
    priority: 5
    start: {when: claim.filed}
    key: [claim_id]
    again: never
    facts: {claim_no: event.claim_no, task: {type: text?}, amount: event.claimed_cny}
    flow:
      - call: advisor.task
        with: {type: collect}
        save: {task: answer.task_id}
        otherwise:
          - {id: no_answer, send: claim_ack, by: sms}
      - experiment: colour
        metric: who reads it
        arms:
          red: {percent: 40, do: [{id: red, send: claim_ack, by: sms}]}
          blue: {percent: 60, do: [{id: blue, send: claim_ack, by: sms, if: amount > 5}]}
      - choose:
          - {if: amount > 100, do: [{id: big, send: claim_ack, by: sms}]}
          - {if: amount > 10, do: [{id: mid, send: claim_ack, by: sms}]}
          - otherwise: [{id: low, send: claim_ack, by: sms}]
    expire: 30 days after start
    """
    found = {one.step: one.conditions for one in reach(loaded(tmp_path / "p", text))}
    assert found == {
        "no_answer": ("advisor.task does not answer within 10 minutes",),
        "red": ("arm red of colour",),
        "blue": ("arm blue of colour", "amount > 5"),
        "big": ("amount > 100",),
        "mid": ("not (amount > 100) and amount > 10",),
        "low": ("not (amount > 100) and not (amount > 10)",),
    }


@pytest.mark.parametrize("name", ["second.yml", "second.YAML", "sub/second.yaml"])
def test_a_journey_that_nobody_reads_is_an_error(tmp_path: Path, name: str) -> None:
    at = folder(tmp_path / "p", (FIRST,))
    (at / "journeys" / name).parent.mkdir(exist_ok=True)
    (at / "journeys" / name).write_text(FIRST, encoding="utf-8")
    assert [(one.file, one.message) for one in check(at, date(2026, 5, 1)) if one.severity == "error"] == [
        (f"journeys/{name}", "this file is not read")
    ]
