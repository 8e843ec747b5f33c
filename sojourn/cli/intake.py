"""``sojourn intake``: how far each source is stored, and a person's waiver for one that stands still."""

import re
from typing import Annotated, Any, Final

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, say, say_json, say_line
from sojourn.errors import ConfigurationError
from sojourn.operations.sources import SourceState
from sojourn.records import Waiver

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@app.callback()
def intake() -> None:
    """See how far the topics are stored, and let timers pass one that nobody can read."""


@app.command("list")
def list_sources(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the partitions that were read: how far they are stored, how far behind, whether they stand still.

    Timers wait for a partition that is behind. One that nobody has moved for ten minutes is stalled: mandatory
    messages and calls to staff go at once then, service messages six hours before they lapse, and all others only with
    a waiver.

    \b
    Examples:
      sojourn intake list
      sojourn intake list --json

    Exit status: 0; 1 a source is stalled and not waived; 2 there is no store.
    """
    from sojourn.bootstrap.clock import wall_clock
    from sojourn.cli.reading import read
    from sojourn.operations.sources import source_states
    from sojourn.ports import Views

    async def looked(views: Views) -> list[SourceState]:
        return source_states(await views.positions(), await views.waivers(), wall_clock())

    found = read(project, looked)
    for one in found:
        if as_json:
            say_line(_as_json(one))
        else:
            _tell(one)
    if not found and not as_json:
        say("no topic was read so far")
    if any(one.stalled and one.waiver is None for one in found):
        raise typer.Exit(FOUND_PROBLEMS)


@app.command("waive")
def waive(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="As in the list; a topic means all its partitions.")
    ],
    by: Annotated[str, typer.Option("--by", help="Who says so.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    lasts: Annotated[str | None, typer.Option("--for", help="How long: 30m, 2h, 1d; at most 7d.")] = None,
    end: Annotated[bool, typer.Option("--end", help="Take a waiver back instead.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Let timers run without what is unread of a source, for a while.

    Whoever does that takes it on himself that a message goes which an unread event would have stopped. Every message
    that goes because of it says so in the log. The last word about a source counts.

    \b
    Examples:
      sojourn intake waive kafka:cj.policy.v1/3 --for 2h --by "Li Wei" --reason "broker 2 lost its disk"
      sojourn intake waive cj.policy.v1 --end --by "Li Wei" --reason "the broker is back"

    Exit status: 0; 2 there is no such source or no store.
    """
    from sojourn.cli.working import work
    from sojourn.operations.sources import waive as record
    from sojourn.rows import instant_text

    if (lasts is None) is not end:
        raise ConfigurationError("How long does the waiver last?", next_step="Say --for 2h, or --end to take one back")
    span = 0 if lasts is None else span_ms(lasts, "--for")
    given = work(project, lambda store, _: record(store, sources, lasts_ms=span, by=by, reason=reason))
    if as_json:
        say_json([_waiver_json(one) for one in given])
        return
    for one in given:
        say(f"{one.source}: " + ("waits again" if end else f"timers need not wait until {instant_text(one.until)}"))


def span_ms(text: str, option: str) -> int:
    """Read a span as given on the command line, in ms: 30m, 2h, 1d.

    Raises:
        ConfigurationError: It is none.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,5})\s*([smhd])", text.strip(), re.ASCII)
    if match is None:
        raise ConfigurationError(
            "This is no span of time", option=option, value=text, next_step="Write it as 30m or 2h"
        )
    return int(match[1]) * _UNITS[match[2]]


def span_words(ms: int) -> str:
    """Give a span for people: 4 s, 12 min, 3 h, 2 d."""
    for name, unit in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * unit:
            return f"{ms // unit} {name}"
    return f"{ms // 1000} s"


def _tell(one: SourceState) -> None:
    from sojourn.rows import instant_text

    say(f"{one.source}  next {one.next}  stored to {instant_text(one.stored_to)}  {span_words(one.lag_ms)} behind")
    if one.stalled:
        say(f"    stalled: nobody has moved it since {instant_text(one.moved_at)}")
    if one.waiver is not None:
        until = instant_text(one.waiver.until)
        say(f"    waived until {until} by {one.waiver.by}: {one.waiver.reason}")


def _as_json(one: SourceState) -> dict[str, Any]:
    from sojourn.rows import instant_text

    return {
        "source": one.source,
        "next": one.next,
        "stored_to": instant_text(one.stored_to),
        "moved_at": instant_text(one.moved_at),
        "lag_seconds": one.lag_ms / 1000,
        "stalled": one.stalled,
        "waiver": None if one.waiver is None else _waiver_json(one.waiver),
    }


def _waiver_json(one: Waiver) -> dict[str, Any]:
    from sojourn.rows import instant_text

    return {
        "source": one.source,
        "at": instant_text(one.at),
        "until": instant_text(one.until),
        "by": one.by,
        "reason": one.reason,
    }
