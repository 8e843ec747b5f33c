"""``sojourn dead-letters``: what came in and was no event, with the reason and its bytes."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, say, say_json, say_line, tell
from sojourn.records import Letter, LetterState

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def all_letters(context: typer.Context, as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """List and show what came in and was no event: reason, place, raw bytes. Alone it lists the open ones."""
    if context.invoked_subcommand is None:
        list_letters(as_json=as_json, project=project)


class State(StrEnum):
    """Which letters are listed."""

    OPEN = "open"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    ALL = "all"


@app.command("list")
def list_letters(
    state: Annotated[State, typer.Option("--state", help="Which ones.")] = State.OPEN,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Go on where the last page ended.")] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """List dead letters, newest first. Works beside a running engine.

    \b
    Examples:
      sojourn dead-letters list
      sojourn dead-letters list --state all --json

    Exit status: 0; 2 there is no store.
    """
    from sojourn.cli.reading import read
    from sojourn.rows import instant_text

    states: dict[State, LetterState] = {State.OPEN: "open", State.REPLAYED: "replayed", State.DROPPED: "dropped"}
    wanted = states.get(state)
    letters, more = read(project, lambda views: views.dead_letters(wanted, limit, cursor))
    for one in letters:
        if as_json:
            say_line(_as_json(one))
        else:
            letter = one.letter
            at = instant_text(letter.arrival)
            say(f"{one.number}  {at}  {one.state}  {letter.source}  {letter.reason}: {letter.detail}")
    if not letters and not as_json:
        say("no dead letters")
    if more is not None:
        tell(f"more: --cursor {more}")


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(help="The number in the list.")],
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Show one dead letter with its bytes.

    \b
    Example:
      sojourn dead-letters show 7

    Exit status: 0; 1 there is no such letter; 2 there is no store.
    """
    from sojourn.cli.reading import read

    one = read(project, lambda views: views.dead_letter(number))
    if one is None:
        say(f"There is no dead letter {number}.")
        raise typer.Exit(FOUND_PROBLEMS)
    told = _as_json(one) | {"raw": one.letter.raw.decode("utf-8", "backslashreplace")}
    if as_json:
        say_json(told)
        return
    for name, value in told.items():
        say(f"{name}: {value}")


def _as_json(one: Letter) -> dict[str, Any]:
    from sojourn.rows import instant_text

    letter = one.letter
    return {
        "number": one.number,
        "state": one.state,
        "arrived_at": instant_text(letter.arrival),
        "source": letter.source,
        "reason": letter.reason,
        "detail": letter.detail,
        "event_id": letter.event_id,
        "type": letter.type,
        "bytes": len(letter.raw),
    }
