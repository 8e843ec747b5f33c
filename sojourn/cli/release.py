"""``sojourn release``: a new version of the project, with the counts of running customers first."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, say, say_json, tell
from sojourn.definitions.problems import DefinitionError, render_all
from sojourn.errors import ConfigurationError

if TYPE_CHECKING:
    from sojourn.bootstrap.releases import Plan, Running


def release(
    stay: Annotated[bool, typer.Option("--stay", help="Running customers stay on their version.")] = False,
    move: Annotated[bool, typer.Option("--move", help="Running customers go on in the new version.")] = False,
    drain: Annotated[bool, typer.Option("--drain", help="They stay, and changed journeys start nobody anew.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change, and for how many.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Release the project folder as the next version.

    Says first what changes and how many customers are on their way in it, then asks. A running engine takes the
    release at its instant, a few seconds later; without one the next start does.

    \b
    Examples:
      sojourn release --dry-run --move
      sojourn release --stay
      sojourn release --drain --yes --json

    Exit status: 0 released, or nothing to release; 1 the project has errors, or the answer was no; 2 no database.
    """
    chosen: list[Running] = [name for name, on in (("stay", stay), ("move", move), ("drain", drain)) if on]  # type: ignore[misc]
    if len(chosen) != 1:
        raise ConfigurationError(
            "What becomes of running customers?", next_step="Choose one of --stay, --move and --drain"
        )
    try:
        asyncio.run(_release(project, chosen[0], yes=yes, dry_run=dry_run, as_json=as_json))
    except DefinitionError as error:
        tell(render_all(error.problems))
        tell(f"\n{len(error.problems)} errors; nothing was released")
        raise typer.Exit(FOUND_PROBLEMS) from None


async def _release(project: Path | None, running: "Running", *, yes: bool, dry_run: bool, as_json: bool) -> None:
    from sojourn.bootstrap.clock import wall_clock
    from sojourn.bootstrap.postgres_access import must_be_current
    from sojourn.bootstrap.releases import Shelf, plan
    from sojourn.bootstrap.releases import release as put
    from sojourn.bootstrap.settings import read_settings
    from sojourn.bootstrap.wiring import make_store
    from sojourn.rows import instant_text

    settings = read_settings(os.environ, project)
    if settings.shared:
        await must_be_current(settings.database)
    elif not settings.database_file.is_file():
        raise ConfigurationError(
            "There is no database yet", next_step="The first `sojourn run` releases the project by itself"
        )
    store = make_store(settings, wall_clock, create=False)
    await store.open()
    try:
        shelf = Shelf(settings.var)
        planned = await plan(store, shelf, settings.project, running)
        told = _told(planned, running)
        same = bool(shelf.editions) and shelf.editions[-1].published.digest == planned.packed.digest
        if not as_json:
            _say(told, same=same)
        if dry_run or same:
            if as_json:
                say_json(told | {"released": False})
            return
        if not yes and not typer.confirm("Release this?", err=True):
            raise typer.Exit(FOUND_PROBLEMS)
        published = await put(store, planned, running)
        if as_json:
            say_json(told | {"released": True, "at": instant_text(published.at)})
        else:
            say(f"Release {published.number} takes effect at {instant_text(published.at)}.")
    finally:
        await store.close()


def _told(planned: "Plan", running: str) -> dict[str, Any]:
    change = planned.change
    counts: Counter[tuple[str, int]] = Counter()
    for one in planned.runs:
        counts[one.journey, one.version] += one.count
    return {
        "number": planned.number,
        "running": running,
        "journeys": {"added": change.added, "changed": change.changed, "removed": change.removed},
        "templates": {
            "added": change.templates_added,
            "changed": change.templates_changed,
            "removed": change.templates_removed,
        },
        "customers": [
            {"journey": journey, "version": version, "running": count}
            for (journey, version), count in sorted(counts.items())
        ],
    }


def _say(told: dict[str, Any], *, same: bool) -> None:
    if same:
        say("The folder is what the last release was; nothing to release.")
        return
    say(f"Release {told['number']}")
    for kind in ("journeys", "templates"):
        for change, names in told[kind].items():
            if names:
                say(f"  {kind} {change}: {', '.join(names)}")
    if not any(names for kind in ("journeys", "templates") for names in told[kind].values()):
        say("  journeys and templates are what they were; rules, parameters or schemas change")
    does = {
        "stay": "stay on their version",
        "move": "go on in the new version",
        "drain": "stay on their version, and nobody starts anew in what changes",
    }[told["running"]]
    total = sum(one["running"] for one in told["customers"])
    say(f"  {total} customers are on their way in what changes; they {does}")
    for one in told["customers"]:
        say(f"    {one['journey']} version {one['version']}: {one['running']}")
