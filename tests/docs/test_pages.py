"""What the pages say of lists in the code is complete: guards, commands, project files, decisions, glossary."""

import re
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from sojourn.bootstrap.channels_file import ChannelOptions
from sojourn.cli.app import app
from sojourn.core.vocabulary import REASONS, STATUSES
from tools.project_reference import render

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def read(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_page_of_project_files_is_as_the_grammars_write_it() -> None:
    written = read("docs/reference/project-files.md")
    assert written == render(), "run: python -m tools.project_reference > docs/reference/project-files.md"


def test_every_file_of_the_project_has_its_line() -> None:
    page = read("docs/reference/project-files.md")
    kept = [*(ROOT / "schemas").glob("*.*"), *ROOT.glob("*.yaml")]
    ours = {path.relative_to(ROOT).as_posix() for path in kept} - {"docker-compose.yml"}
    assert all(f"| `{name}` |" in page for name in ours)


def test_the_changelog_names_every_command() -> None:
    root = typer.main.get_command(app)
    assert all(
        f"`{name}`" in read("CHANGELOG.md") or f"`sojourn {name}`" in read("CHANGELOG.md") for name in root.commands
    )


def test_the_explained_guards_use_reasons_of_the_log_and_leave_out_none_that_decide() -> None:
    page = read("docs/explanation/decisions-and-the-log.md")
    told = set(re.findall(r"`([a-z_]+)`", page))
    decided_elsewhere = {"skipped_past", "superseded", "intake_behind"}
    assert set(REASONS) - told == decided_elsewhere
    assert set(STATUSES) - {"held", "deferred", "suppressed", "skipped", "delivered"} <= told


def test_every_key_of_the_channels_file_is_shown() -> None:
    page = read("docs/how-to/add-a-channel.md")
    for section, part in ChannelOptions.model_fields.items():
        kind = part.annotation
        assert kind is not None
        names = [section, *(field.alias or name for name, field in kind.model_fields.items())]
        assert [name for name in names if f"{name}:" not in page] == []


def test_every_decision_is_in_the_list() -> None:
    page = read("docs/decisions/README.md")
    pages = [path.name for path in (DOCS / "decisions").glob("0*.md")]
    assert all(f"({name})" in page for name in pages)
    assert len(pages) == page.count("](0")


def test_readme_shows_the_journey_of_the_tutorial() -> None:
    journey = read("docs/tutorial/example/journeys/branch_visit.yaml")
    assert f"```yaml\n{journey}```" in read("README.md")


@pytest.mark.parametrize("target", ["run", "test"])
def test_readme_begins_with_targets_that_exist(target: str) -> None:
    assert f"    make {target} " in read("README.md")
    assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE)


def test_the_changelog_counts_right() -> None:
    log = " ".join(read("CHANGELOG.md").split())
    journeys = [path for path in (ROOT / "journeys").glob("*.yaml") if ".test" not in path.name]
    templates = YAML(typ="safe").load(read("templates/catalogue.yaml"))["templates"]
    events = re.findall(r"\btype=\"[a-z_.]+\"", read("schemas/events.py"))
    assert (
        f"{len(journeys)} journeys, {len(templates)} templates in Chinese and English, {len(events)} event types" in log
    )


def test_the_explained_night_and_validity_are_those_of_the_rules() -> None:
    rules = YAML(typ="safe").load(read("rules.yaml"))["quiet_hours"]
    page = " ".join(read("docs/explanation/time.md").split())
    assert f"hold text messages between {rules['from']} and {rules['to']}, the end excluded" in page


def test_the_how_to_names_every_file_that_a_run_leaves() -> None:
    page = read("docs/how-to/run-in-embedded-mode.md")
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sojourn").rglob("*.py"))
    kept = set(re.findall(r"\bvar / \"([\w.]+)\"", code))
    assert {"api.key", "master.key", "releases", "listen"} <= kept
    assert all(f"`{name}" in page for name in kept)


def test_every_word_of_the_glossary_has_one_meaning() -> None:
    terms = [
        term
        for line in re.findall(r"^\| (.+?) \|", read("docs/glossary.md"), re.MULTILINE)
        for term in line.split(", ")
    ]
    named = [term for term in terms if term not in ("term", "---")]
    assert len(named) == len(set(named))
