"""``sojourn format``."""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.common import FOUND_PROBLEMS, ProjectOption, project_folder, say, tell
from sojourn.definitions.problems import DefinitionError, render_all


def format_files(
    files: Annotated[list[Path] | None, typer.Argument(help="Journey files. [default: all of the project]")] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 where a file would change.")] = False,
    project: ProjectOption = None,
) -> None:
    """Put journey files into their canonical form; comments stay, and so does every meaning.

    \b
    Examples:
      sojourn format
      sojourn format --check journeys/renewal_premium.yaml

    Exit status: 0 done, or nothing to do; 1 a file would change (with --check) or cannot be formatted.
    """
    from sojourn.definitions.formatting import format_text

    paths = files or sorted((project_folder(project) / "journeys").glob("*.yaml"))
    changed = broken = 0
    for path in paths:
        try:
            before = path.read_text(encoding="utf-8")
            after = format_text(before, str(path))
        except DefinitionError as error:
            tell(render_all(error.problems))
            broken += 1
            continue
        except (OSError, UnicodeDecodeError) as error:
            tell(f"{path}: cannot be read ({type(error).__name__})")
            broken += 1
            continue
        if after != before:
            changed += 1
            say(f"{'would change' if check else 'formatted'}: {path}")
            if not check:
                path.write_text(after, encoding="utf-8")
    if not changed and not broken:
        say(f"{len(paths)} files, nothing to change")
    if broken or (check and changed):
        raise typer.Exit(FOUND_PROBLEMS)
