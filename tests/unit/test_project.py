"""A whole project: everything is read, linked and numbered; all problems of all files come at once."""

from pathlib import Path

import pytest

from sojourn.core.book import Supply
from sojourn.core.conditions import Expression, Frame
from sojourn.definitions.problems import DefinitionError
from sojourn.definitions.project import load_project
from sojourn.definitions.publish import first_book
from tests.unit.project_kit import FIRST, ROOT, SECOND, declared, errors, folder, loaded, told


@pytest.fixture(scope="module")
def reference() -> dict[str, dict[str, Supply]]:
    """Give the supplies of the reference insurer: `journey step channel locale` -> name -> supply."""
    book = first_book(load_project(ROOT))
    return {
        " ".join((journey, ref, channel, locale)): {one.name: one for one in supplies}
        for (journey, _, ref, channel, locale), supplies in book.supplies.items()
    }


def value(supply: Supply, **frame: object) -> object:
    """Compute what a supply gives."""
    return supply.value(Frame(**frame)) if isinstance(supply.value, Expression) else supply.value  # type: ignore[arg-type]


def test_the_reference_insurer_has_no_error() -> None:
    project = load_project(ROOT)
    assert len(project.journeys) == 16
    assert len(project.templates.templates) == 61
    assert all(one.promises for one in project.journeys.values()) == all(project.promises.values())


def test_only_the_journeys_asked_for_are_taken() -> None:
    assert list(load_project(ROOT, {"claim_status", "kyc_expiry"}).journeys) == ["claim_status", "kyc_expiry"]


def test_a_journey_that_is_asked_for_and_not_there_is_an_error() -> None:
    with pytest.raises(DefinitionError) as caught:
        load_project(ROOT, {"claim_statu"})
    assert caught.value.problems[0].message == "there is no journey `claim_statu`"
    assert "claim_status" in caught.value.problems[0].hint


def test_a_folder_without_anything_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_project(tmp_path)
    assert {one.file for one in caught.value.problems} >= {"schemas/events.py", "schemas/profile.yaml", "rules.yaml"}


def test_calendar_glossary_calls_parameters_and_journeys_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    for name in ("schemas/events.py", "schemas/profile.yaml", "rules.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    project = load_project(tmp_path)
    assert (project.journeys, project.words, project.calls, project.parameters) == ({}, {}, {}, {})
    assert first_book(project).starts_at == {}


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    found = told(
        errors(
            tmp_path / "p",
            FIRST.replace("event.amount_cny", "event.amount_cmy"),
            SECOND.replace("send: claim_ack", "send: claim_akc"),
            rules=declared("rules").replace("per_day: 1", "per_day: none"),
            parameters="offer: {type: txt, value: x}\n",
            calendar=declared("calendar").replace('closes: "18:00"', 'closes: "8:00"'),
        )
    )
    files = [one.split(":", 1)[0] for one in found]
    assert {"rules.yaml", "parameters.yaml", "schemas/calendar.yaml"} <= set(files)


def test_problems_of_two_journeys_come_at_once(tmp_path: Path) -> None:
    found = told(
        errors(
            tmp_path / "p",
            FIRST.replace("event.amount_cny", "event.amount_cmy"),
            SECOND.replace("send: claim_ack", "send: claim_akc"),
        )
    )
    assert [one.split(":", 1)[0] for one in found] == ["journeys/first.yaml", "journeys/second.yaml"]


def test_files_of_journeys_tests_are_no_journeys(tmp_path: Path) -> None:
    made = folder(tmp_path / "p", (FIRST,))
    (made / "journeys" / "first.test.yaml").write_text("tests: []\n", encoding="utf-8")
    assert list(load_project(made).journeys) == ["first"]


# ---- where variables come from (Q2, Q3)


def test_a_variable_comes_from_the_run_before_the_projects_variables(reference: dict[str, dict[str, Supply]]) -> None:
    amount = reference["renewal_premium t3 sms en"]["amount"]
    assert (amount.type, amount.required) == ("money", True)
    assert str(value(amount, facts={"amount": "3600.00"})) == "3600.00"


def test_a_variable_may_differ_by_locale(reference: dict[str, dict[str, Supply]]) -> None:
    customer = {"salutation_zh": "王女士", "salutation_en": "Ms Wang"}
    got = [value(reference[f"renewal_premium t7 email {at}"]["name"], customer=customer) for at in ("zh-CN", "en")]
    assert got == ["王女士", "Ms Wang"]


def test_a_parameter_in_two_languages_is_read_in_the_locale_of_the_message(
    reference: dict[str, dict[str, Supply]],
) -> None:
    handler = [value(reference[f"csat_after_claim sorry sms {at}"]["handler"]) for at in ("zh-CN", "en")]
    assert handler == ["客户服务专员", "our service specialist"]


def test_links_are_no_supplies_because_the_renderer_makes_them(reference: dict[str, dict[str, Supply]]) -> None:
    assert not any(name.endswith("url") for supplies in reference.values() for name in supplies)


def test_what_hangs_on_a_date_counts_as_present_at_its_touches(reference: dict[str, dict[str, Supply]]) -> None:
    last = reference["onboarding_free_look ending sms en"]["free_look_last_day"]
    assert last.required
    assert str(value(last, facts={"free_look_last_day": "2026-03-20"})) == "2026-03-20"


def test_event_fields_that_templates_read_are_kept_for_them(tmp_path: Path) -> None:
    book = first_book(loaded(tmp_path / "p", SECOND))
    journey = book.journeys["second", 1]
    assert {"amount_cny"} <= journey.reads["claim.paid"]
    assert "claim.filed" not in journey.reads


WITH = """
journey: with_values
name: {zh: 三, en: Three}
stage: serve
class: service
priority: 40
start: {when: claim.filed}
key: [claim_id]
again: never
facts: {claim_no: event.claim_no, later: {type: text, optional: true}}
flow:
  - {id: ack, send: claim_ack, by: sms%s}
"""


def test_with_wins_over_everything(tmp_path: Path) -> None:
    text = WITH % ", with: {claim_no: = claim_id}"
    book = first_book(loaded(tmp_path / "p", text))
    supplies = {one.name: one for one in book.supplies["with_values", 1, "ack", "sms", "en"]}
    assert value(supplies["claim_no"], facts={"claim_id": "K9", "claim_no": "N1"}) == "K9"


def test_with_may_differ_by_language(tmp_path: Path) -> None:
    text = (WITH % "").replace("by: sms}", "by: sms, with: {claim_no: {zh: 甲, en: A}}}")
    book = first_book(loaded(tmp_path / "p", text))
    got = [
        next(one.value for one in book.supplies["with_values", 1, "ack", "sms", at] if one.name == "claim_no")
        for at in ("zh-CN", "en")
    ]
    assert got == ["甲", "A"]


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (("claim_no: event.claim_no, ", ""), "`claim_no` of template `claim_ack` (sms, en)", "a fact"),
        (("claim_no: event.claim_no", "claim_no: {type: text?}"), "`claim_no` may be absent", "default"),
        (("{claim_no: event.claim_no, ", "{claim_no: event.claimed_cny, "), "and a variable of type text", ""),
        (("by: sms}", "by: sms, with: {claim_no: = later}}"), "what `with` gives may be absent", "default(...)"),
        (("send: claim_ack", "send: renewal_t30"), "`renewal_t30` has no body for sms", "one for email"),
        (("send: claim_ack", "send: birthday_vip"), "`birthday_vip` is care, and step `ack` sends", ""),
        (("send: claim_ack", "send: claim_akc"), "there is no template `claim_akc`", "claim_ack"),
    ],
)  # fmt: skip
def test_what_cannot_be_proved_is_refused_at_the_step(
    tmp_path: Path, change: tuple[str, str], message: str, hint: str
) -> None:
    text = WITH % ""
    assert change[0] in text
    found = [one for one in errors(tmp_path / "p", text.replace(*change)) if message in one.message]
    assert found, told(errors(tmp_path / "q", text.replace(*change)))
    assert found[0].line == 11
    assert hint in found[0].hint


def test_first_of_is_content_with_one_body(tmp_path: Path) -> None:
    text = """
    journey: one_body
    name: {zh: 四, en: Four}
    stage: serve
    class: service
    priority: 40
    start: {when: payment.due_scheduled}
    key: [policy_id, installment_no]
    again: never
    facts: {due_date: event.due_date, amount: event.amount_cny, product_name: event.product_name}
    flow:
      - {id: go, send: renewal_t30, by: {first_of: [sms, email]}}
    """
    book = first_book(loaded(tmp_path / "p", text))
    assert {key[3] for key in book.supplies} == {"email"}


def test_a_promise_is_checked_with_its_place(tmp_path: Path) -> None:
    text = FIRST + "promises:\n  - never send renewal_* after the gaol\n"
    assert told(errors(tmp_path / "p", text)) == ["journeys/first.yaml:19: `the gaol` is no moment"]


def test_digests_change_with_content_and_not_with_comments(tmp_path: Path) -> None:
    plain = loaded(tmp_path / "a", FIRST).digests
    commented = loaded(tmp_path / "b", FIRST.replace("priority: 50", "priority: 50  # middle")).digests
    changed = loaded(tmp_path / "c", FIRST.replace("priority: 50", "priority: 51")).digests
    assert plain == commented
    assert {name for name in plain if plain[name] != changed[name]} == {"journey:first"}
