"""``sojourn quarantine``: customers whose decision raised an error of the engine, and letting them go on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, say, say_json, say_line

if TYPE_CHECKING:
    from sojourn.operations.parked import Release

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def quarantine() -> None:
    """Customers whose decision raised an error of the engine itself: their inputs are kept in order."""


@app.command("list")
def list_parked(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """List parked customers: since when, how many inputs wait, and the kind of the first error.

    \b
    Example:
      sojourn quarantine list

    Exit status: 0 nobody is parked; 1 somebody is; 2 there is no store.
    """
    from sojourn.cli.reading import read
    from sojourn.operations.parked import parked_customers
    from sojourn.rows import instant_text

    found = read(project, parked_customers)
    for one in found:
        since = instant_text(one.since)
        if as_json:
            say_line({"customer_id": one.customer, "since": since, "inputs": one.inputs, "error": one.error})
        else:
            say(f"{one.customer}  since {since}  {one.inputs} inputs wait  {one.error}")
    if not found and not as_json:
        say("nobody is parked")
    if found:
        raise typer.Exit(FOUND_PROBLEMS)


@app.command("release")
def release(
    customers: Annotated[list[str], typer.Argument(metavar="CUSTOMER", help="As in the list.")],
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Apply a parked customer's inputs in order, each as of its arrival, and let him go on. Works beside engines.

    To be done once the error is mended. It stops at the first input that still fails; that one and all behind it stay
    parked, and the kind of the error and its place in the code are said. `sojourn dead-letters drop` leaves one out.

    \b
    Example:
      sojourn quarantine release C-100201

    Exit status: 0 all are free; 1 one stays parked, or is not; 2 there is no store.
    """
    from sojourn.bootstrap.clock import wall_clock
    from sojourn.bootstrap.operating import desk_of
    from sojourn.bootstrap.settings import Settings
    from sojourn.cli.working import work
    from sojourn.operations.parked import release as let_go
    from sojourn.ports import Store

    async def released(store: Store, settings: Settings) -> "list[tuple[str, Release | None]]":
        desk = await desk_of(store, settings, wall_clock())
        return [(name, await let_go(store, desk.deciding, name, desk.read)) for name in dict.fromkeys(customers)]

    done = work(project, released)
    if as_json:
        say_json([_as_json(name, one) for name, one in done])
    else:
        for name, one in done:
            _tell(name, one)
    if not all(one is not None and one.free for _, one in done):
        raise typer.Exit(FOUND_PROBLEMS)


def _tell(name: str, one: "Release | None") -> None:
    if one is None:
        say(f"{name} is not parked")
    elif one.free:
        say(f"{name} is free again; {one.applied} inputs were applied")
    else:
        say(f"{name} stays parked after {one.applied} inputs: dead letter {one.number}: {one.why}")


def _as_json(name: str, one: "Release | None") -> dict[str, Any]:
    return {
        "customer_id": name,
        "free": one is not None and one.free,
        "applied": 0 if one is None else one.applied,
        "stopped_at": None if one is None else one.number,
        "why": ("not parked" if one is None else one.why) or None,
    }
