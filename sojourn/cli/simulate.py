"""``sojourn simulate``: the engine on a simulated clock (interfaces.md)."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer

from sojourn.cli.common import ProjectOption, calm_collector, instant, on_terminal, open_input, project_folder, tell
from sojourn.errors import ConfigurationError

_SHOWN = 20
_STEP = 500


def simulate(
    events: Annotated[str, typer.Argument(metavar="EVENTS.ndjson", help="Recorded events; - reads standard input.")],
    until: Annotated[str, typer.Option("--until", help="The last instant that is applied: 2026-11-30T00:00:00Z.")],
    customers: Annotated[str | None, typer.Option("--customers", help="One profile a line.")] = None,
    project: ProjectOption = None,
    journeys: Annotated[
        str | None, typer.Option("--journeys", help="Only these journeys, with commas between.")
    ] = None,
    log: Annotated[Path | None, typer.Option("--log", help="Where rows go. [default: standard output]")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="JSON: what each call is answered.")] = None,
) -> None:
    """Replay recorded events on a virtual clock: same decisions, no waiting, no network.

    Rows of the log come out in the order in which they were decided, one JSON object a line. The last line on
    standard error counts events, decisions, sent, suppressed and dead letters, and says how long it took.

    \b
    Examples:
      sojourn simulate events.ndjson --until 2026-11-30T00:00:00Z --log log.ndjson
      sojourn simulate - --customers customers.ndjson --journeys claim_status --until 2026-06-30T00:00:00Z

    Exit status: 0 the run finished; 2 the project or a file is unusable.
    """
    last = _last_instant(until)
    folder = project_folder(project)
    wanted = None if journeys is None else frozenset(name.strip() for name in journeys.split(",") if name.strip())
    with ExitStack() as stack:
        out = _out(log, stack)
        people = stack.enter_context(open_input(customers)) if customers else ()
        _replay(folder, events, people, last, wanted, out, _answers(folder, answers))


def _last_instant(until: str) -> int:
    from sojourn.schema import END_OF_INSTANTS, FIRST_INSTANT

    last = instant(until, "--until")
    if not FIRST_INSTANT <= last < END_OF_INSTANTS:
        raise ConfigurationError(
            "No clock runs that far", option="--until", value=until, next_step="Choose a year from 1970 to 2100"
        )
    return last


def _replay(
    folder: Path,
    events: str,
    people: Iterable[bytes],
    until: int,
    journeys: frozenset[str] | None,
    out: BinaryIO,
    answers: Mapping[str, Mapping[str, Any]] | None,
) -> None:
    from sojourn.rows import row_json
    from sojourn.simulate import Replay, in_order, is_sorted

    encode = msgspec.json.Encoder().encode
    replay = Replay(folder, lambda row: _write(out, encode(row_json(row))), journeys, answers)
    calm_collector()
    ordered, count = (False, None) if events == "-" else _scan(is_sorted, events)
    with open_input(events) as source:
        seconds = replay.run(_watched(in_order(source, ordered=ordered), count), people, until)
    out.flush()
    tally = replay.world.tally
    for letter in replay.dead[:_SHOWN]:
        tell(f"line {letter.number}: {letter.reason}: {letter.detail}")
    if replay.dead_count > _SHOWN:
        tell(f"and {replay.dead_count - _SHOWN} more dead letters")
    tell(
        f"{tally.events} events, {sum(tally.rows.values())} decisions, {tally.rows.get('sent', 0)} sent, "
        f"{tally.rows.get('suppressed', 0)} suppressed, {replay.dead_count} dead letters, "
        f"{seconds:.2f} s, {tally.events / max(seconds, 1e-6):.0f} events/s"
    )


def _write(out: BinaryIO, line: bytes) -> None:
    out.write(line + b"\n")


def _scan(is_sorted: Callable[[Path], tuple[bool, int]], events: str) -> tuple[bool, int | None]:
    """A file that is no regular one (a pipe with a name) can be read only once; then it is sorted on the way."""
    path = Path(events)
    if not path.is_file():
        return False, None
    return is_sorted(path)


def _out(log: Path | None, stack: ExitStack) -> BinaryIO:
    if log is None:
        return sys.stdout.buffer
    try:
        return stack.enter_context(log.open("wb"))
    except OSError as error:
        raise ConfigurationError(
            "The log cannot be written", file=str(log), problem=error.strerror, next_step="Choose another --log"
        ) from error


def _answers(folder: Path, path: Path | None) -> Mapping[str, Mapping[str, Any]] | None:
    """Read what calls are answered, typed as the project declares it."""
    if path is None:
        return None
    from sojourn.bootstrap.answers import AnswerReader
    from sojourn.definitions.project import load_project

    try:
        given = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "The answers cannot be read", file=str(path), problem=str(error), next_step='Write {"call.name": {...}}'
        ) from error
    reader = AnswerReader(load_project(folder))
    typed: dict[str, Mapping[str, Any]] = {}
    for name, body in given.items():
        values = reader(name, body)
        if values is None:
            raise ConfigurationError(
                "An answer is not what the call declares", file=str(path), call=name, next_step="See schemas/calls.yaml"
            )
        typed[name] = values
    return typed


def _watched(lines: Iterable[Any], count: int | None) -> Iterator[Any]:
    """Show a progress bar, where a person sees it."""
    if not on_terminal():
        yield from lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replaying", total=count)
        for number, line in enumerate(lines, 1):
            yield line
            if number % _STEP == 0:
                progress.update(task, completed=number)
        if count is not None:
            progress.update(task, completed=count)
