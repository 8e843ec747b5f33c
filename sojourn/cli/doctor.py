"""``sojourn doctor``: what is wrong with this place, and what to do about it."""

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

import typer

from sojourn.cli.common import FOUND_PROBLEMS, UNUSABLE, JsonOption, ProjectOption, project_folder, say, say_json

if TYPE_CHECKING:
    from sojourn.bootstrap.doctor.finding import Finding

_MARKS: Final = {"ok": "ok", "note": "note", "warning": "WARNING", "error": "ERROR"}
_STATUS: Final = {"ok": 0, "note": 0, "warning": FOUND_PROBLEMS, "error": UNUSABLE}


def doctor(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """Look at everything that the engine stands on and say what is wrong, and what to do.

    Settings, keys, disk, clock, time zones, calendar, database, brokers, topics, and what waits for a person. It only
    reads, also beside running engines. Where SOJOURN_KAFKA is set, the brokers are asked, too: whether they are
    reached, whether they let us in, and whether the topics keep what they must.

    \b
    Examples:
      sojourn doctor
      sojourn doctor --json

    Exit status: 0 all is well; 1 there are warnings; 2 there are errors.
    """
    from sojourn.bootstrap.clock import wall_clock
    from sojourn.bootstrap.doctor import examine
    from sojourn.bootstrap.doctor.finding import Site, worst
    from sojourn.bootstrap.settings import read_settings

    settings = read_settings(os.environ, project_folder(project))
    found = asyncio.run(examine(Site(settings, wall_clock)))
    level = worst(found)
    if as_json:
        say_json({"status": level, "findings": [_as_json(one) for one in found]})
    else:
        for one in found:
            _tell(one)
        counts = {name: sum(one.level == name for one in found) for name in ("error", "warning", "note")}
        said = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count)
        say(f"\n{said or 'All is well'}")
    raise typer.Exit(_STATUS[level])


def _tell(one: "Finding") -> None:
    values = ", ".join(f"{name} {_plain(value)}" for name, value in one.data.items())
    say(f"{_MARKS[one.level]:<8} {one.part}: {one.what}" + (f" ({values})" if values else ""))
    if one.next_step:
        say(f"         -> {one.next_step}")


def _plain(value: Any) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value) or "empty"


def _as_json(one: "Finding") -> dict[str, Any]:
    return {
        "level": one.level,
        "part": one.part,
        "what": one.what,
        "data": dict(one.data),
        "next_step": one.next_step or None,
    }
