"""Publications: numbers, drains, old versions, indexes; the same list gives the same numbers (N16, Q43)."""

from dataclasses import replace
from pathlib import Path

import pytest

from sojourn.core.book import Book, Journey
from sojourn.definitions.project import Project, load_project
from sojourn.definitions.publish import Change, Release, Running, count_on, first_book, next_book
from sojourn.errors import ConfigurationError
from sojourn.publication.versions import Numbered, Past, number, preview, rebuild
from tests.unit.project_kit import FIRST, ROOT, SECOND, loaded

CHANGED = FIRST.replace("priority: 50", "priority: 51")
THIRD = FIRST.replace("priority: 50", "priority: 52")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """Give projects: `both`, `changed` (first changed), `again` (changed once more), `gone` (first removed)."""
    at = tmp_path_factory.mktemp("projects")
    return {
        "both": loaded(at / "both", FIRST, SECOND),
        "changed": loaded(at / "changed", CHANGED, SECOND),
        "again": loaded(at / "again", THIRD, SECOND),
        "gone": loaded(at / "gone", SECOND),
    }


def play(made: dict[str, Project], *steps: tuple[str, Running]) -> Release:
    """Publish projects one after the other."""
    return rebuild([(made[name], running) for name, running in steps])


def starting(book: Book, event: str) -> list[tuple[str, int]]:
    """Give which journeys an event may start."""
    return [(one.id, one.version) for one in book.starts_at.get(event, ())]


def test_everything_is_version_1_at_first(made: dict[str, Project]) -> None:
    book = first_book(made["both"])
    assert book.number == 1
    assert set(book.journeys) == {("first", 1), ("second", 1)}
    assert {one.version for one in book.templates.values()} == {1}
    assert book.draining == frozenset()


def test_changed_content_gets_the_next_number_and_the_rest_keeps_its_own(made: dict[str, Project]) -> None:
    book, change = next_book(first_book(made["both"]), made["changed"], "stay")
    assert dict(book.current) == {"first": 2, "second": 1}
    assert book.number == 2
    assert change == Change(changed=("first",))


def test_old_versions_stay_as_they_were(made: dict[str, Project]) -> None:
    book, _ = next_book(first_book(made["both"]), made["changed"], "move")
    assert (book.journeys["first", 1].priority, book.journeys["first", 2].priority) == (50, 51)
    assert ("first", 1, "t3", "sms", "en") in book.supplies


def test_the_same_content_published_again_changes_nothing(made: dict[str, Project]) -> None:
    book, change = next_book(first_book(made["both"]), made["both"], "drain")
    assert change.empty
    assert (book.number, dict(book.current), book.draining) == (2, {"first": 1, "second": 1}, frozenset())


def test_going_back_to_old_content_counts_up_too(made: dict[str, Project]) -> None:
    book = play(made, ("both", "stay"), ("changed", "stay"), ("both", "stay"))
    assert book.current["first"] == 3
    assert book.journeys["first", 3].digest == book.journeys["first", 1].digest


@pytest.mark.parametrize("running", ["stay", "move"])
def test_with_stay_and_move_new_runs_start_in_the_new_version(made: dict[str, Project], running: Running) -> None:
    book = play(made, ("both", "stay"), ("changed", running))
    assert starting(book, "payment.due_scheduled") == [("first", 2)]


def test_with_drain_what_changed_starts_nothing(made: dict[str, Project]) -> None:
    book = play(made, ("both", "stay"), ("changed", "drain"))
    assert book.draining == {"first"}
    assert starting(book, "payment.due_scheduled") == []
    assert starting(book, "claim.filed") == [("second", 1)]


def test_a_drain_holds_through_publications_that_do_not_change_the_journey(made: dict[str, Project]) -> None:
    book = play(made, ("both", "stay"), ("changed", "drain"), ("changed", "stay"))
    assert book.draining == {"first"}


def test_a_drain_ends_when_a_later_publication_changes_the_journey(made: dict[str, Project]) -> None:
    book = play(made, ("both", "stay"), ("changed", "drain"), ("again", "stay"))
    assert book.draining == frozenset()
    assert starting(book, "payment.due_scheduled") == [("first", 3)]


def test_a_drain_after_a_drain_drains(made: dict[str, Project]) -> None:
    book = play(made, ("both", "stay"), ("changed", "drain"), ("again", "drain"))
    assert book.draining == {"first"}


def test_a_new_journey_starts_even_with_drain(made: dict[str, Project]) -> None:
    book, change = next_book(first_book(made["gone"]), made["both"], "drain")
    assert change.added == ("first",)
    assert starting(book, "payment.due_scheduled") == [("first", 1)]


def test_a_journey_that_is_gone_drains_and_its_versions_stay(made: dict[str, Project]) -> None:
    book, change = next_book(first_book(made["both"]), made["gone"], "stay")
    assert change.removed == ("first",)
    assert "first" not in book.current
    assert book.journey("first", 1).id == "first"
    assert starting(book, "payment.due_scheduled") == []
    assert "payment.received" not in book.judges


@pytest.mark.parametrize(("back", "version"), [("both", 1), ("changed", 2)])
def test_a_journey_that_comes_back_goes_on_counting(made: dict[str, Project], back: str, version: int) -> None:
    book = play(made, ("both", "stay"), ("gone", "stay"), (back, "stay"))
    assert book.current["first"] == version
    assert starting(book, "payment.due_scheduled") == [("first", version)]


def test_a_changed_template_counts_up_and_no_journey_does(made: dict[str, Project]) -> None:
    project = made["both"]
    old = project.templates.templates["renewal_t3"]
    templates = dict(project.templates.templates) | {"renewal_t3": replace(old, hash="other")}
    after = replace(project, templates=replace(project.templates, templates=templates))
    book, change = next_book(first_book(project), after, "stay")
    assert change == Change(templates_changed=("renewal_t3",))
    assert (book.templates["renewal_t3"].version, book.templates["claim_ack"].version) == (2, 1)
    assert dict(book.current) == {"first": 1, "second": 1}


def test_an_old_version_that_loses_its_template_is_told_and_forbids_nothing(made: dict[str, Project]) -> None:
    project = made["gone"]
    left = {name: one for name, one in project.templates.templates.items() if name != "renewal_t3"}
    after = replace(project, templates=replace(project.templates, templates=left))
    book, change = next_book(first_book(made["both"]), after, "stay")
    assert change.templates_removed == ("renewal_t3",)
    assert [one.message for one in change.problems] == ["there is no template `renewal_t3`"]
    assert ("first", 1, "t3", "sms", "en") not in book.supplies


def test_a_book_of_another_origin_cannot_be_counted_on(made: dict[str, Project]) -> None:
    book = first_book(made["both"])
    own = {name: getattr(book, name) for name in Book.__dataclass_fields__}
    with pytest.raises(ConfigurationError, match="does not come from a publication"):
        next_book(Book(**own), made["both"], "stay")


# ---- numbers from a stored list


def test_numbers_follow_from_the_list_of_past_publications(made: dict[str, Project]) -> None:
    steps: list[tuple[str, Running]] = [("both", "stay"), ("changed", "drain"), ("gone", "stay"), ("again", "move")]
    book = play(made, *steps)
    numbers = number(Past.of(made[name], running) for name, running in steps)
    assert numbers == Numbered(book.journey_numbers, book.template_numbers)
    assert numbers.journeys["first"][0] == 3


def test_rebuilding_gives_the_same_book(made: dict[str, Project]) -> None:
    steps: list[tuple[str, Running]] = [("both", "stay"), ("changed", "drain")]
    one, other = play(made, *steps), play(made, *steps)
    assert (one.number, one.current, one.draining, one.journeys) == (
        other.number,
        other.current,
        other.draining,
        other.journeys,
    )


def test_a_record_that_does_not_fit_its_folder_is_refused(made: dict[str, Project]) -> None:
    with pytest.raises(ConfigurationError, match="does not fit its record"):
        rebuild([(made["both"], "stay")], [Past.of(made["changed"])])


def test_nothing_published_is_no_book() -> None:
    with pytest.raises(ConfigurationError, match="Nothing was ever published"):
        rebuild([])


def test_a_preview_tells_the_change(made: dict[str, Project]) -> None:
    assert preview(first_book(made["both"]), made["changed"], "stay").changed == ("first",)


def test_counting_on() -> None:
    before = {"a": (2, "x"), "b": (1, "y"), "c": (4, "z")}
    assert count_on(before, {"a": "x", "b": "other", "d": "new"}) == {
        "a": (2, "x"),
        "b": (2, "other"),
        "c": (4, "z"),
        "d": (1, "new"),
    }


# ---- indexes


@pytest.fixture(scope="module")
def book() -> Release:
    """Give the book of the reference insurer."""
    return first_book(load_project(ROOT))


def names(journeys: tuple[Journey, ...]) -> list[str]:
    """Give the ids of journeys."""
    return [one.id for one in journeys]


def test_a_pattern_is_indexed_by_what_it_counts_for_and_against(book: Release) -> None:
    assert names(book.starts_at["enquiry.made"]) == ["need_alert"]
    assert "need_alert" in names(book.starts_at["policy.issued"])


def test_day_starts_are_a_list_of_their_own(book: Release) -> None:
    assert sorted((one.id, start.kind) for one, start in book.day_starts) == [
        ("birthday_care", "birthday"),
        ("festival_care", "festival"),
    ]


def test_judges_are_the_starts_goals_and_exits_of_event_journeys(book: Release) -> None:
    assert "renewal_premium" in names(book.judges["payment.due_scheduled"])
    assert "renewal_premium" in names(book.judges["payment.received"])
    assert "birthday_care" not in [name for judges in book.judges.values() for name in names(judges)]
    assert "payment.due_changed" not in book.judges


def test_early_names_react_waits_and_deadlines(book: Release) -> None:
    assert "renewal_premium" in names(book.early["payment.due_changed"])
    assert "claim_status" in names(book.early["claim.documents_received"])


def test_every_index_holds_journeys_of_the_book(book: Release) -> None:
    held = set(map(id, book.journeys.values()))
    found = [one for index in (book.starts_at, book.judges, book.early) for group in index.values() for one in group]
    assert {id(one) for one in found} <= held


def test_a_silence_and_a_change_of_the_profile_have_indexes(tmp_path: Path) -> None:
    silence = """
    journey: quiet
    name: {zh: 静, en: Quiet}
    stage: serve
    class: care
    priority: 5
    start: {silent: activity.recorded, for: 30 days, by: product_line}
    key: [product_line]
    again: after exit
    flow: [{id: s, send: birthday_basic, by: sms}]
    """
    becomes = """
    journey: vip
    name: {zh: 贵, en: Vip}
    stage: serve
    class: care
    priority: 5
    start: {becomes: "'vip' in customer.tags"}
    key: []
    again: after exit
    flow: [{id: s, send: birthday_basic, by: sms}]
    """
    made = first_book(loaded(tmp_path / "p", silence, becomes))
    assert [(one.id, start.by) for one, start in made.silences["activity.recorded"]] == [("quiet", "product_line")]
    assert names(made.becomes) == ["vip"]
