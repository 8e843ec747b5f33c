"""``sojourn why``: what a customer was sent, was not sent, and why."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, say, say_json
from sojourn.cli.log import Lang, LangOption
from sojourn.core.model import Row
from sojourn.core.saying import Language, instant_words, reason_sentence, status_word, word
from sojourn.core.vocabulary import OPEN
from sojourn.ports import Views
from sojourn.records import Kept, Stored, Timeline

MOMENTS: Final = 2_000


def why(
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="A customer id, a policy or claim number, a phone.")
    ],
    journey: Annotated[str | None, typer.Option("--journey", help="Only this journey.")] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
    lang: LangOption = Lang.EN,
) -> None:
    """Say what a customer was sent and was not sent, each with the sentence for why. Works beside a running engine.

    Times are the customer's local times. What is still waiting stands first.

    \b
    Examples:
      sojourn why C-100201
      sojourn why K-2001 --journey claim_status --lang zh

    Exit status: 0; 1 nobody is known by that; 2 there is no store.
    """
    from sojourn.cli.reading import read
    from sojourn.cli.rowtext import project_rules

    found = read(project, lambda views: _history(views, customer))
    if found is None:
        say(f"Nobody is known by {customer}. Numbers must be whole; events that named him may not have arrived.")
        raise typer.Exit(FOUND_PROBLEMS)
    stored, timeline = found
    rows = [one.what for one in timeline.moments if isinstance(one.what, Row)]
    rows = [row for row in rows if journey is None or row.journey == journey]
    events = [one.what for one in timeline.moments if isinstance(one.what, Kept)]
    rules, field = project_rules(project)
    zone = str(stored.state.profile.fields.get(field) or (rules.default_zone if rules else "UTC"))
    if as_json:
        say_json(_as_json(stored, rows, events, lang.value, zone))
        return
    _tell(stored, rows, len(events), lang.value, zone, more=timeline.next is not None)


async def _history(views: Views, term: str) -> tuple[Stored, Timeline] | None:
    stored = await views.customer(term)
    if stored is None:
        for name in await views.find(term, 1):
            stored = await views.customer(name)
    if stored is None:
        return None
    return stored, await views.timeline(stored.state.customer, MOMENTS)


def latest(rows: Iterable[Row]) -> list[Row]:
    """Give the last row of each message, newest first; ``rows`` come newest first."""
    seen: dict[str, Row] = {}
    for row in rows:
        seen.setdefault(row.message_id, row)
    return list(seen.values())


def _tell(stored: Stored, rows: Sequence[Row], events: int, language: Language, zone: str, *, more: bool) -> None:
    state = stored.state
    live = sum(run.ended is None for run in state.runs.values())
    say(f"{state.customer}: {events} events, {live} journeys under way, times in {zone}")
    stands = latest(rows)
    _list("Waiting", [row for row in stands if row.status in OPEN], language, zone)
    _list("Sent", [row for row in stands if row.status in ("sent", "delivered")], language, zone)
    _list("Not confirmed, or failed", [row for row in stands if row.status in ("in_doubt", "failed")], language, zone)
    _list("Not sent", [row for row in stands if row.status in ("suppressed", "skipped")], language, zone)
    if not stands:
        say("\nNothing was due for this customer so far.")
    if more:
        say(f"\nOlder history is left out; `sojourn log --customer {state.customer}` pages through all of it.")


def _list(title: str, rows: Sequence[Row], language: Language, zone: str) -> None:
    if not rows:
        return
    say(f"\n{title}")
    for row in rows:
        what = f"{row.journey}.{row.step} by {word(row.channel or '', language)}" if row.step else row.journey
        say(f"  {instant_words(row.decided_at, language, zone)}  {what}")
        if row.reason:
            say(f"      {reason_sentence(row, language, zone)} ({row.reason})")


def _as_json(
    stored: Stored, rows: Sequence[Row], events: Sequence[Kept], language: Language, zone: str
) -> dict[str, Any]:
    from sojourn.rows import instant_text, row_json

    return {
        "customer_id": stored.state.customer,
        "zone": zone,
        "messages": [
            row_json(row)
            | {"status_word": status_word(row.status, language), "sentence": reason_sentence(row, language, zone)}
            for row in latest(rows)
        ],
        "events": [
            {"event_id": one.event_id, "type": one.type, "arrived_at": instant_text(one.arrival)} for one in events
        ],
    }
