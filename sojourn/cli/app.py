"""The command line: one file a command; this one only names them and tells errors."""

import os
import sys
from typing import Final

import typer

from sojourn.cli.check import check
from sojourn.cli.common import UNUSABLE, tell
from sojourn.cli.dead_letters import app as dead_letters
from sojourn.cli.doctor import doctor
from sojourn.cli.formatting import format_files
from sojourn.cli.intake import app as intake
from sojourn.cli.log import log
from sojourn.cli.publish import publish
from sojourn.cli.quarantine import app as quarantine
from sojourn.cli.release import release
from sojourn.cli.run import run
from sojourn.cli.schema import schema
from sojourn.cli.simulate import simulate
from sojourn.cli.testing import run_tests
from sojourn.cli.topics import topics
from sojourn.cli.version import version
from sojourn.cli.why import why
from sojourn.cli.worker import worker
from sojourn.errors import SojournError

ABOUT: Final = """Customer journeys as code: check, test, rehearse and run them.

Exit status of every command: 0 it went well; 1 problems were found; 2 what it was given cannot be used.
"""

app = typer.Typer(
    name="sojourn", help=ABOUT, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)
for name, command in (
    ("run", run),
    ("worker", worker),
    ("check", check),
    ("test", run_tests),
    ("simulate", simulate),
    ("format", format_files),
    ("publish", publish),
    ("release", release),
    ("log", log),
    ("why", why),
):
    app.command(name)(command)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(quarantine, name="quarantine")
app.add_typer(intake, name="intake")
app.command("doctor")(doctor)
app.command("topics")(topics)
app.command("schema")(schema)
app.command("version")(version)


def main() -> None:
    """Run a command and end with its status."""
    try:
        app()
    except SojournError as error:
        tell(f"sojourn: {error}")
        sys.exit(UNUSABLE)
    except BrokenPipeError:  # whoever reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
