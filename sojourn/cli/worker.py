"""``sojourn worker``: production mode, one of any number of processes."""

import asyncio
import contextlib
import importlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sojourn.cli.common import UNUSABLE, ProjectOption, calm_collector, project_folder, tell
from sojourn.errors import SojournError
from sojourn.tasks import ended

if TYPE_CHECKING:
    from sojourn.bootstrap.frame import Frame

RolesOption = Annotated[
    str | None,
    typer.Option("--roles", help="What it does: any of intake, timers, delivery. [default: SOJOURN_ROLES, or all]"),
]


def worker(project: ProjectOption = None, roles: RolesOption = None) -> None:
    """Run one worker of production: Kafka in, PostgreSQL underneath, providers out.

    Any number of them may run, on any number of hosts, each with all roles or some. The database is all that they
    share; each may be killed at any instant. It is the same as `faust -A agents.app worker` in the project folder.
    A first start releases the project. Settings are environment variables (docs/reference/settings.md).

    \b
    Examples:
      sojourn worker
      sojourn worker --roles intake,timers --project ./insurer

    Exit status: 0 after SIGTERM or Ctrl-C; 2 settings, project or database are unusable.
    """
    folder = project_folder(project)
    os.environ["SOJOURN_PROJECT"] = str(folder)
    if roles is not None:
        os.environ["SOJOURN_ROLES"] = roles
    status = 0
    try:
        asyncio.run(_work(folder))
    except SojournError as error:
        tell(f"sojourn: {error}")
        status = UNUSABLE
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End the process; Faust's thread, which may wait for a silent broker for minutes, is not waited for."""
    main = threading.main_thread()
    if any(one is not main and not one.daemon for one in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise typer.Exit(status)


async def _work(folder: Path) -> None:
    from sojourn.web.server import on_signals

    frame = _frame(folder)
    on_signals(frame.work.stop)
    frame.loop = asyncio.get_running_loop()
    start = asyncio.create_task(frame.start(), name="frame")
    try:
        await frame.work.opened.wait()
        calm_collector()
        await frame.until_ended()
    finally:
        await ended(start, again_s=2.0)
        await frame.stop()
        await _let_go()
    tell("Stopped. The others, or the next start, go on from here.")


async def _let_go() -> None:
    """End what a client of a silent server has still under way, for a moment: ending must not wait for it."""
    own = asyncio.current_task()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await ended(*(task for task in asyncio.all_tasks() if task is not own))


def _frame(folder: Path) -> "Frame":
    """Load ``agents.app`` of the project, as ``faust -A agents.app`` does; a project without one is worked for, too."""
    if (folder / "agents" / "app.py").is_file():
        sys.path.insert(0, str(folder.resolve()))
        frame: Frame = importlib.import_module("agents.app").app
        return frame
    from sojourn.bootstrap.clock import wall_clock
    from sojourn.bootstrap.frame import Frame as Bare
    from sojourn.bootstrap.production import Production
    from sojourn.bootstrap.settings import read_settings
    from sojourn.web.worker import public

    tell("The project has no agents/: events are read all the same, the control topic is not.")
    return Bare(Production(read_settings(os.environ), wall_clock), public)
