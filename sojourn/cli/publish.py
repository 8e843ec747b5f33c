"""``sojourn publish``: events from a file into a running engine, over HTTP."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, open_input, say, say_line, tell

if TYPE_CHECKING:
    from sojourn.cli.client import Client

BATCH: Final = 500
_BYTES: Final = 4 * 1024 * 1024
_SHOWN: Final = 20


def publish(
    file: Annotated[str, typer.Argument(metavar="FILE", help="NDJSON, one envelope a line; - reads standard input.")],
    project: ProjectOption = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Where the engine listens. [default: SOJOURN_LISTEN]")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="API key. [default: SOJOURN_API_KEY, or var/api.key]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send events to the intake of a running engine and say what became of them.

    Sending a file again is safe: what was stored already counts as a duplicate. An engine that asks to wait
    (429, 503) is waited for.

    \b
    Examples:
      sojourn publish events.ndjson
      cat events.ndjson | sojourn publish - --url http://127.0.0.1:8080

    Exit status: 0 all taken; 1 some were refused (each is named); 2 no engine there, wrong key, unreadable file.
    """
    from sojourn.cli.client import client_of

    client = client_of(project, url, key)
    with open_input(file) as source:
        total = asyncio.run(_send(client, source))
    if as_json:
        say_line(total)
    else:
        say(f"{total['accepted']} accepted, {total['duplicates']} duplicates, {len(total['refused'])} refused")
        for one in total["refused"][:_SHOWN]:
            tell(f"line {one['line']}: {one['reason']}: {one['detail']}")
        if len(total["refused"]) > _SHOWN:
            tell(f"and {len(total['refused']) - _SHOWN} more; `sojourn dead-letters list` has them all")
    if total["refused"]:
        raise typer.Exit(FOUND_PROBLEMS)


async def _send(client: "Client", source: Any) -> dict[str, Any]:
    total: dict[str, Any] = {"accepted": 0, "duplicates": 0, "refused": []}
    async with client:
        for lines in _batches(source):
            numbers = [number for number, _ in lines]
            body = b"\n".join(raw for _, raw in lines)
            answer = msgspec.json.decode(await client.post("/v1/events", body, "application/x-ndjson"))
            total["accepted"] += answer["accepted"]
            total["duplicates"] += answer["duplicates"]
            total["refused"] += [{"line": numbers[one.pop("index")], **one} for one in answer["refused"]]
    return total


def _batches(source: Any) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    size = 0
    for number, line in enumerate(source, 1):
        raw = line.strip()
        if not raw:
            continue
        if batch and (len(batch) >= BATCH or size + len(raw) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append((number, raw))
        size += len(raw) + 1
    if batch:
        yield batch
