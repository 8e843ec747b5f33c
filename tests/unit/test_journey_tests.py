"""The runner of journey tests: what it reads, what it compares, what it says when a test fails."""

from pathlib import Path

import pytest

from sojourn.definitions.problems import Problem, Problems
from sojourn.definitions.project import Project, load_project
from sojourn.testing.coverage import cover
from sojourn.testing.journeys import RanFile, only, run_file
from sojourn.testing.report import report

ROOT = Path(__file__).parents[2]
HEAD = "customer: {id: C1, timezone: Asia/Shanghai, language: zh-CN}\n"
FILED = "{at: 2026-03-02 10:00, event: claim.filed, claim_id: K-1}"
ACK = "[2026-03-02 10:00 sms claim_ack, 2026-03-02 10:00 email claim_ack, 2026-03-02 10:00 call workorder.link]"


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT)


def run(
    project: Project, folder: Path, text: str, journey: str = "claim_status"
) -> tuple[RanFile | None, list[Problem]]:
    path = folder / f"{journey}.test.yaml"
    path.write_text(text, encoding="utf-8")
    problems = Problems()
    return run_file(path, project, problems), list(problems)


def one(given: str, expect: str, more: str = "", until: str = "2026-03-03") -> str:
    return (
        HEAD + f"tests:\n  - it: works\n    given:\n      - {given}\n    until: {until}\n    expect: {expect}\n{more}"
    )


def test_a_test_passes_when_everything_came_and_nothing_else(project: Project, tmp_path: Path) -> None:
    file, problems = run(project, tmp_path, one(FILED, ACK))
    assert problems == []
    assert file is not None
    assert [ran.passed for ran in file.ran] == [True]


@pytest.mark.parametrize(
    ("expect", "missing", "extra"),
    [
        ("[2026-03-02 10:00 sms claim_ack, 2026-03-02 10:00 email claim_ack]", 0, 1),
        (ACK[:-1] + ", 2026-03-02 10:00 sms claim_ack]", 1, 0),
        (ACK.replace("10:00 sms", "10:01 sms"), 1, 1),
        (ACK.replace("sms claim_ack", "sms claim_paid"), 1, 1),
        ("[]", 0, 3),
    ],
)
def test_each_difference_fails(project: Project, tmp_path: Path, expect: str, missing: int, extra: int) -> None:
    file, _ = run(project, tmp_path, one(FILED, expect))
    assert file is not None
    (ran,) = file.ran
    assert not ran.passed
    assert (len(ran.missing), len(ran.extra)) == (missing, extra)


def test_not_sent_is_compared_where_the_test_says_so(project: Project, tmp_path: Path) -> None:
    night = "{at: 2026-03-02 23:30, event: claim.filed, claim_id: K-1}\n      - "
    night += "{at: 2026-03-02 23:40, event: claim.status_changed, claim_id: K-1, node: docs_review}"
    expect = ACK.replace("10:00", "23:30")[:-1] + ", 2026-03-03 08:00 sms claim_node]"
    held = "    expect_not_sent:\n      - 2026-03-02 23:40  sms  claim_node  quiet_hours until 2026-03-03 08:00\n"
    for more, passed in (("", True), (held, True), ("    expect_not_sent: []\n", False)):
        file, _ = run(project, tmp_path, one(night, expect, more))
        assert file is not None
        assert file.ran[0].passed is passed


def test_a_failing_test_says_why_the_engine_decided_so(project: Project, tmp_path: Path) -> None:
    text = one(FILED, "[2026-03-02 11:00 sms claim_ack, 2026-03-02 10:00 sms claim_paid]").replace(
        "language: zh-CN", "language: zh-CN, email: none, do_not_contact: true"
    )
    file, problems = run(project, tmp_path, text)
    assert problems == []
    assert file is not None
    said = report(file.ran[0], "journeys/x.test.yaml", file.book)
    assert "journeys/x.test.yaml:3: works" in said
    assert "missing  2026-03-02 11:00 sms claim_ack" in said
    assert "the engine: 2026-03-02 10:00 sms claim_ack do_not_contact, because of claim.filed on line 5" in said
    assert "You asked us to stop" in said
    assert "no step that sends claim_paid by sms was reached" in said
    assert "extra    2026-03-02 10:00 call workorder.link" in said
    assert "expected" in said.splitlines()[1]


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (one(FILED.replace("claim.filed", "claim.fild"), "[]"), (5, 39), "there is no event `claim.fild`", "filed"),
        (one(FILED.replace("claim_id", "claim_ib"), "[]"), (5, 52), "`claim.filed` has no field `claim_ib`", "_id"),
        (one(FILED.replace("10:00", "25:00"), "[]"), (5, 14), "`2026-03-02 25:00` is no local time", "20:00"),
        (one(FILED, "[]").replace("until:", "untill:"), (6, 5), "there is no word `untill` here", "until"),
        (one(FILED, "[]", until="2026-03-01"), (3, 5), "the test ends before its last event", "later"),
        (one(FILED, "[]").replace("timezone", "timezon"), (1, 20), "the profile has no field `timezon`", "timezone"),
        (one(FILED, "[]").replace("Asia/Shanghai", "Asia/Shangai"), (3, 5), "there is no time zone `Asia/Shangai`", ""),
        (one(FILED, "nothing"), (7, 13), "`expect` is a list of lines", ""),
        (HEAD + "tests: []\n", (1, 1), "`tests` is a list of tests", ""),
        (one("{event: claim.filed}", "[]"), (5, 9), "`at` is missing", ""),
        (one(FILED + "\n      - " + FILED.replace("10:00", "09:00"), "[]"), (6, 9),
         "the events are not in the order of their arrival", "happened"),
        (one(FILED.replace("K-1", "K-1, seq: one"), "[]"), (5, 9), "`seq` is a whole number from 1", ""),
        (HEAD + "journeys: [claim_statu]\ntests: []\n", (2, 12), "there is no journey `claim_statu`", "claim_status"),
        (one(FILED, "[]").replace("language: zh-CN", "age: 7"), (1, 45), "`age` is computed", ""),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_place(
    project: Project, tmp_path: Path, text: str, place: tuple[int, int], message: str, hint: str
) -> None:
    _, (problem,) = run(project, tmp_path, text)
    assert problem.message == message
    assert hint in problem.hint
    assert (problem.line, problem.column) == place


def test_a_value_that_the_schema_refuses_fails_the_test(project: Project, tmp_path: Path) -> None:
    file, _ = run(project, tmp_path, one(FILED.replace("K-1", "K-1, claimed_cny: much"), "[]"))
    assert file is not None
    (ran,) = file.ran
    assert not ran.passed
    assert "not taken, wrong_type: payload.claimed_cny" in report(ran, "x", file.book)


def test_a_file_without_its_journey_is_told(project: Project, tmp_path: Path) -> None:
    file, (problem,) = run(project, tmp_path, one(FILED, ACK), journey="claims")
    assert file is None
    assert "there is no journey `claims`" in problem.message


def test_only_the_named_journeys_take_part(project: Project, tmp_path: Path) -> None:
    assert set(only(project, ["claim_status", "csat_after_claim"]).journeys) == {"claim_status", "csat_after_claim"}
    paid = FILED + "\n      - {at: 2026-03-02 12:00, event: claim.paid, claim_id: K-1}"
    alone, _ = run(project, tmp_path, one(paid, "[]", until="2026-03-10"))
    both, _ = run(project, tmp_path, "journeys: [csat_after_claim]\n" + one(paid, "[]", until="2026-03-10"))
    assert alone is not None
    assert both is not None
    assert {row.journey for row in alone.ran[0].rows} == {"claim_status"}
    assert {row.journey for row in both.ran[0].rows} == {"claim_status", "csat_after_claim"}


def test_coverage_names_what_no_test_reached(project: Project, tmp_path: Path) -> None:
    file, _ = run(project, tmp_path, one(FILED, ACK))
    assert file is not None
    journey = project.journeys["claim_status"].journey
    found = cover(journey, file.book, file.ran[0].rows, file.ran[0].notes)
    assert "ack" not in found.steps
    assert {"node", "docs", "paid", "delay30"} <= set(found.steps)
    assert "quiet_hours" in found.reasons
    assert any(name.startswith("wait_for_1:") for name in found.branches)
    assert found.text.startswith(f"reached {found.of_steps - len(found.steps)} of {found.of_steps} steps, not ")
