"""The values that a template needs, taken when a message may go out (Q2, Q3, Q15: rendering stands last)."""

from typing import Any

from sojourn.core.book import Supply
from sojourn.core.model import Run, Send
from sojourn.core.turn import Turn, value_of


def supplies_of(turn: Turn, send: Send, channel: str, locale: str) -> tuple[Supply, ...]:
    """Give what the template of a message needs in a locale, with where it comes from."""
    return turn.book.supplies.get((send.journey, send.version, send.ref, channel, locale), ())


def take_values(turn: Turn, run: Run, send: Send, channel: str, locale: str) -> tuple[dict[str, Any], list[str]]:
    """Give the typed values, and the names of required ones that are absent or empty."""
    frame = turn.cause_frame(run, send.cause)
    frame.locale = locale
    values: dict[str, Any] = {}
    missing: list[str] = []
    for supply in supplies_of(turn, send, channel, locale):
        if supply.link is not None:
            continue  # the renderer makes links: they are signed for the message
        value = value_of(supply.value, frame)
        if value is None or value == "":
            if supply.required:
                missing.append(supply.name)
            value = None
        values[supply.name] = value
    return values, missing
