"""The reference pages of commands, settings, metrics and reasons are what the code says."""

from pathlib import Path

import pytest

from sojourn.cli.reference import PAGES
from sojourn.intake.decode import REASONS
from sojourn.operations.letters import OTHERS
from sojourn.web.api import _LOG_PARAMETERS, BODY_LIMIT, BODY_SECONDS, LOG_LIMIT, LOG_PAGE, MOST_EVENTS
from sojourn.web.app import ROUTES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
HTTP = (FOLDER / "http.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_as_the_code_writes_it(name: str) -> None:
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert page == PAGES[name](), f"run: python -m sojourn.cli.reference {name} > docs/reference/{name}.md"


def test_every_address_is_on_the_page() -> None:
    for path, _, methods in ROUTES:
        shown = path.replace(":int", "")
        assert all(f"`{method} {shown}`" in HTTP for method in methods), path


def test_every_parameter_and_limit_is_on_the_page() -> None:
    assert all(f"`{name}`" in HTTP for name in _LOG_PARAMETERS)
    assert all(f"{limit:,}" in HTTP for limit in (BODY_LIMIT, MOST_EVENTS, LOG_LIMIT, LOG_PAGE, BODY_SECONDS))


def test_every_reason_of_a_dead_letter_is_on_the_page() -> None:
    page = (FOLDER / "reasons.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in (*REASONS, *OTHERS))
