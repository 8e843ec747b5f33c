"""``sojourn check``."""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, project_folder, say, say_json, tell
from sojourn.errors import ConfigurationError


def check(
    project: ProjectOption = None,
    as_json: JsonOption = False,
    reach: Annotated[
        bool, typer.Option("--reach", help="Say who can reach each send, and under which conditions.")
    ] = False,
    today: Annotated[str | None, typer.Option("--today", help="Check as if it were this day: 2026-12-01.")] = None,
) -> None:
    """Check the whole project: journeys, templates, event types, profile, rules; all problems at once.

    \b
    Examples:
      sojourn check
      sojourn check --project ./insurer --json
      sojourn check --reach

    Exit status: 0 no errors (there may be warnings and notes); 1 errors; 2 the folder cannot be read.
    """
    from sojourn.definitions.checks import check as check_project
    from sojourn.definitions.problems import render_all

    folder = project_folder(project)
    problems = check_project(folder, _day(today))
    errors = sum(one.severity == "error" for one in problems)
    reached = _reach(folder) if reach and not errors else []
    if as_json:
        more: dict[str, Any] = {"reach": reached} if reach else {}
        say_json({"ok": not errors, "problems": [one.as_json() for one in problems], **more})
    else:
        if problems:
            tell(render_all(problems) + "\n")
        _say_reach(reached)
        say(_summary(errors, len(problems) - errors))
    if errors:
        raise typer.Exit(FOUND_PROBLEMS)


def _reach(folder: Path) -> list[dict[str, Any]]:
    from sojourn.definitions.paths import reach
    from sojourn.definitions.project import load_project

    return [msgspec.to_builtins(one) for one in reach(load_project(folder))]


def _say_reach(reached: Iterable[dict[str, Any]]) -> None:
    journey = ""
    for one in reached:
        if one["journey"] != journey:
            journey = one["journey"]
            say(f"{journey}: begins at {', or at '.join(one['starts'])}")
        channels = ", ".join(" or ".join(ways) for ways in one["by"])
        say(f"  {one['step']}: {one['template']} by {channels} ({one['klass']})")
        parts = [one["body"], *one["conditions"], *one["guards"]]
        for part in filter(None, parts):
            say(f"      {part}")
    if journey:
        say()


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now().astimezone().date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            "This is no day", option="--today", value=text, next_step="Write 2026-12-01"
        ) from error


def _summary(errors: int, others: int) -> str:
    found = f"{others} other finding{'s' * (others != 1)}"
    if errors:
        return f"{errors} error{'s' * (errors != 1)}, {found}"
    return "no errors" + (f", {found} that forbid nothing" if others else "")
