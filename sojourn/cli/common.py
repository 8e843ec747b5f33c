"""What every command shares: the project folder, exit codes, where words go, how errors are told."""

import gc
import sys
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import msgspec
import typer

from sojourn.errors import ConfigurationError, SojournError

FOUND_PROBLEMS: Final = 1
UNUSABLE: Final = 2

ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", "-p", help="The project folder. [default: SOJOURN_PROJECT, or the current folder]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def calm_collector() -> None:
    """Let the collector walk less: books and templates stay, and states are frozen values without cycles."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def project_folder(given: Path | None) -> Path:
    """Give the project folder that a command works on.

    Raises:
        ConfigurationError: It is no folder.
    """
    import os

    folder = given or Path(os.environ.get("SOJOURN_PROJECT") or ".")
    if not folder.is_dir():
        raise ConfigurationError(
            "There is no such project folder", project=str(folder), next_step="Name it with --project"
        )
    return folder


def say(text: str = "") -> None:
    """Print to standard output."""
    typer.echo(text)


def tell(text: str = "") -> None:
    """Print to standard error: what is for people and no part of the result."""
    typer.echo(text, err=True)


def say_json(value: Any) -> None:
    """Print a value as indented JSON."""
    say(msgspec.json.format(msgspec.json.encode(value)).decode())


def say_line(value: Any) -> None:
    """Print a value as JSON on one line."""
    say(msgspec.json.encode(value).decode())


def fail(error: SojournError) -> NoReturn:
    """End the command because what it was given cannot be used."""
    tell(f"sojourn: {error}")
    raise typer.Exit(UNUSABLE)


def on_terminal() -> bool:
    """Tell whether a person sees standard error."""
    return sys.stderr.isatty()


def open_input(path: str) -> Any:
    """Open a file for reading bytes; ``-`` is standard input.

    Raises:
        ConfigurationError: It cannot be read.
    """
    if path == "-":
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise ConfigurationError(
            "A file cannot be read", file=path, problem=error.strerror, next_step="Check its name and its rights"
        ) from error


def instant(text: str, option: str) -> int:
    """Read an instant with its offset as given on the command line: 2026-11-30T00:00:00Z.

    Raises:
        ConfigurationError: It is none.
    """
    from sojourn.rows import instant_of

    try:
        return instant_of(text)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            "This is no instant", option=option, value=text, next_step="Write it as 2026-11-30T00:00:00Z"
        ) from error
