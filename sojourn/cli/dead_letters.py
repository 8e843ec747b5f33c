"""``sojourn dead-letters``: what came in and was no event, with the reason and its bytes; and once more."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, instant, say, say_json, say_line, tell
from sojourn.errors import ConfigurationError
from sojourn.records import Letter, LetterState

if TYPE_CHECKING:
    from sojourn.operations.letters import Handled

LARGEST: Final = 2**63 - 1

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def all_letters(context: typer.Context, as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """What came in and was no event: list it, show it, put it through again, drop it. Alone it lists the open ones."""
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
    number: Annotated[int, typer.Argument(help="The number in the list.", min=1, max=LARGEST)],
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
        if value is not None:
            say(f"{name}: {value}")


NumbersArgument = Annotated[
    list[int] | None,
    typer.Argument(metavar="NUMBER", help="Numbers in the list.", min=1, max=LARGEST, show_default=False),
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="All open ones with this reason.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="Arrived at or after it: 2026-11-30T00:00:00Z.")]
_DONE: Final = {
    "accepted": "is an event now",
    "duplicate": "came in again meanwhile; closed",
    "conflict": "came in with other content meanwhile; kept as a conflict",
    "parked": "is an event now, parked behind an error of its customer",
    "put again": "the call is on its way again",
}


@app.command("replay")
def replay(
    numbers: NumbersArgument = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Put dead letters through the intake again, read by the release in force. Works beside running engines.

    What is an event now is stored and decided as one that arrives now; it keeps its id, so nothing counts twice. What
    is refused again stays open. A call that failed (call_failed) is put again if its journey still runs. Inputs of
    parked customers are applied by `sojourn quarantine release`.

    \b
    Examples:
      sojourn dead-letters replay 7 8
      sojourn dead-letters replay --reason unknown_type --since 2026-11-30T00:00:00Z --dry-run

    Exit status: 0; 1 some stay open; 2 nothing was named, or there is no store.
    """
    from sojourn.bootstrap.clock import wall_clock
    from sojourn.bootstrap.operating import desk_of
    from sojourn.bootstrap.quarantine import Quarantine
    from sojourn.bootstrap.settings import Settings
    from sojourn.cli.working import work
    from sojourn.operations.letters import foretell
    from sojourn.operations.letters import replay as put
    from sojourn.ports import Store

    async def handled(store: Store, settings: Settings) -> "list[Handled]":
        letters = await _named(store, numbers, reason, since)
        desk = await desk_of(store, settings, wall_clock())
        if dry_run:
            return [foretell(one, desk.read) for one in letters]
        quarantine = Quarantine()
        await quarantine.load(store)
        guarded = quarantine.guard(store)
        return await put(guarded, desk.deciding, letters, desk.read, quarantined=quarantine.customers)

    _tell_handled(work(project, handled), as_json=as_json, dry_run=dry_run)


@app.command("drop")
def drop(
    numbers: NumbersArgument = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Close dead letters that nobody needs. Their bytes stay until retention takes them; nothing is decided.

    \b
    Examples:
      sojourn dead-letters drop 7
      sojourn dead-letters drop --reason bad_json --yes

    Exit status: 0; 1 the answer was no; 2 nothing was named, or there is no store.
    """
    from sojourn.bootstrap.settings import Settings
    from sojourn.cli.working import work
    from sojourn.operations.letters import drop as close
    from sojourn.ports import Store

    async def closed(store: Store, _: Settings) -> int:
        letters = await _named(store, numbers, reason, since)
        if letters and not yes and not typer.confirm(f"Drop {len(letters)} dead letters?", err=True):
            raise typer.Exit(FOUND_PROBLEMS)
        return await close(store, letters)

    count = work(project, closed)
    if as_json:
        say_json({"dropped": count})
    else:
        say(f"{count} dropped")


async def _named(store: Any, numbers: Sequence[int] | None, reason: str | None, since: str | None) -> list[Letter]:
    """Give the open letters that the options name; numbers that are not open are told."""
    from sojourn.core.nearest import did_you_mean
    from sojourn.intake.decode import REASONS
    from sojourn.operations.letters import OTHERS, open_letters

    if not numbers and reason is None and since is None:
        raise ConfigurationError("Which dead letters?", next_step="Name numbers, or --reason, or --since")
    if numbers and (reason is not None or since is not None):
        raise ConfigurationError("Numbers and --reason or --since", next_step="Name one or the other")
    if reason is not None and reason not in (known := [*REASONS, *OTHERS]):
        hint = did_you_mean(reason, known) or f"There are {', '.join(known)}"
        raise ConfigurationError("No dead letter has such a reason", reason=reason, next_step=hint)
    from_then = None if since is None else instant(since, "--since")
    found: list[Letter] = await open_letters(store.views, numbers=numbers or (), reason=reason, since=from_then)
    for number in sorted(set(numbers or ()) - {one.number for one in found}):
        tell(f"{number}: there is no open dead letter with this number")
    return found


def _tell_handled(handled: "Sequence[Handled]", *, as_json: bool, dry_run: bool) -> None:
    left = [one for one in handled if not one.closed]
    if as_json:
        for one in handled:
            say_line({"number": one.number, "became": one.what, "why": one.why or None})
    else:
        for one in handled:
            say(f"{one.number}  {_DONE.get(one.what) or f'stays open: {one.why}'}")
        would = "would be " if dry_run else ""
        say(f"{len(handled) - len(left)} {would}closed, {len(left)} {would if dry_run else 'stay '}open")
    if left:
        raise typer.Exit(FOUND_PROBLEMS)


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
