"""``sojourn test``: the tests that marketing writes beside its journeys."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, project_folder, say, say_json, tell
from sojourn.definitions.problems import DefinitionError, Problems, render_all
from sojourn.errors import ConfigurationError

if TYPE_CHECKING:
    from sojourn.testing.coverage import Coverage
    from sojourn.testing.journeys import Ran, RanFile


def run_tests(
    files: Annotated[list[Path] | None, typer.Argument(help="Test files. [default: all of the project]")] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Run the tests of journeys on the simulated engine.

    A failing test prints what was expected beside what was sent and, for each difference, why the engine decided
    as it did. For each journey a line names the steps, branches and reasons that no test has reached.

    \b
    Examples:
      sojourn test
      sojourn test journeys/renewal_premium.test.yaml --json

    Exit status: 0 all passed; 1 a test failed, or the project or a test file has errors; 2 a file is not there.
    """
    from sojourn.definitions.project import load_project
    from sojourn.testing.journeys import run_file, test_files

    folder = project_folder(project)
    problems = Problems()
    try:
        loaded = load_project(folder)
    except DefinitionError as error:
        tell(render_all(error.problems))
        tell(f"\n{len(error.problems)} errors in the project; no test was run")
        raise typer.Exit(FOUND_PROBLEMS) from None
    paths = files or test_files(loaded)
    for path in paths:
        if not path.is_file():
            raise ConfigurationError("There is no such test file", file=str(path), next_step="See journeys/")
    ran = [one for path in paths if (one := run_file(path, loaded, problems)) is not None]
    if as_json:
        say_json(_as_json(ran, problems))
    else:
        _tell(ran, problems)
    if problems.errors or any(not one.passed for file in ran for one in file.ran):
        raise typer.Exit(FOUND_PROBLEMS)


def _tell(files: "list[RanFile]", problems: Problems) -> None:
    from sojourn.testing.report import report

    if problems.errors:
        tell(render_all(problems.errors) + "\n")
    for file in files:
        for one in file.ran:
            if not one.passed:
                say(report(one, file.cases.file, file.book) + "\n")
    for file in files:
        passed = sum(one.passed for one in file.ran)
        say(f"{file.journey}: {passed} of {len(file.ran)} passed; {_coverage(file).text}")
    total = sum(len(file.ran) for file in files)
    failed = sum(not one.passed for file in files for one in file.ran)
    say(f"{total - failed} of {total} tests passed" + (f", {failed} failed" if failed else ""))


def _coverage(file: "RanFile") -> "Coverage":
    from sojourn.testing.coverage import cover

    journey = file.book.journeys[file.journey, file.book.current[file.journey]]
    rows = [row for one in file.ran for row in one.rows]
    notes = [note for one in file.ran for note in one.notes]
    return cover(journey, file.book, rows, notes)


def _as_json(files: "list[RanFile]", problems: Problems) -> dict[str, Any]:
    return {
        "ok": not problems.errors and all(one.passed for file in files for one in file.ran),
        "problems": [one.as_json() for one in problems.errors],
        "files": [
            {
                "file": file.cases.file,
                "journey": file.journey,
                "tests": [_case_json(one) for one in file.ran],
                "not_reached": _missed(_coverage(file)),
            }
            for file in files
        ],
    }


def _case_json(one: "Ran") -> dict[str, Any]:
    told: dict[str, Any] = {"it": one.case.name, "line": one.case.place.line, "passed": one.passed}
    if not one.passed:
        refused = [{"line": line.place.line, "reason": why.reason, "detail": why.detail} for line, why in one.refused]
        told |= {"missing": one.missing, "extra": one.extra, "sent": one.sent, "not_sent": one.not_sent}
        told |= {"refused": refused}
    return told


def _missed(coverage: "Coverage") -> dict[str, Any]:
    return {"steps": coverage.steps, "branches": coverage.branches, "reasons": coverage.reasons}
