"""The reference insurer's journeys: all sixteen are there, each with tests, and all tests pass."""

from pathlib import Path

import pytest

from sojourn.definitions.formatting import format_text
from sojourn.definitions.problems import Problems, render_all
from sojourn.definitions.project import Project, load_project
from sojourn.testing.journeys import run_file

ROOT = Path(__file__).parents[2]
MANY = 8  # tests at least of a journey that the acceptance list names; three for any other
LARGE = frozenset(
    {
        "renewal_premium",
        "claim_status",
        "onboarding_free_look",
        "silence_reactivation",
        "need_alert",
        "complaint_fast",
    }
)
OTHERS = frozenset(
    {
        "lapse_reinstatement",
        "payment_failed_retry",
        "birthday_care",
        "festival_care",
        "churn_win_back",
        "policy_maturity",
        "kyc_expiry",
        "csat_after_claim",
        "cross_sell_suitability",
        "advisor_handoff",
    }
)


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT)


def test_the_sixteen_are_there(project: Project) -> None:
    assert set(project.journeys) == LARGE | OTHERS


@pytest.mark.parametrize("journey", sorted(LARGE | OTHERS))
def test_its_tests_pass(project: Project, journey: str) -> None:
    problems = Problems()
    ran = run_file(ROOT / f"journeys/{journey}.test.yaml", project, problems)
    assert ran is not None
    assert not list(problems), render_all(problems)
    assert [(one.case.name, one.missing, one.extra) for one in ran.ran if not one.passed] == []
    assert len(ran.ran) >= (MANY if journey in LARGE else 3)


@pytest.mark.parametrize("journey", sorted(LARGE | OTHERS))
def test_it_promises_something(project: Project, journey: str) -> None:
    assert project.promises[journey]


@pytest.mark.parametrize("path", sorted((ROOT / "journeys").glob("*.yaml")), ids=lambda path: path.name)
def test_its_files_are_in_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_text(text, path.name) == text
