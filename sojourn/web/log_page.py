"""The message log as people read it: what went out, what did not, and the sentence for why."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from sojourn.core.model import Row
from sojourn.core.saying import Language, instant_words, reason_sentence
from sojourn.core.vocabulary import STATUSES
from sojourn.errors import NeverWorks, SojournError
from sojourn.web.api import Answer, log_filter, parameters
from sojourn.web.host import Host
from sojourn.web.masking import mask_id
from sojourn.web.pages import admit, clock_words, draw, language_of

ROWS: Final = 50
_PARAMETERS: Final = ("lang", "status", "journey", "before")
#: Details that hold the project's own words or numbers, and nobody's personal values.
_SHOWN: Final = (
    "cause", "condition", "purpose", "valid_until", "until", "next", "today", "in_days", "days", "by", "control",
    "journey", "missing", "variable", "ended", "code", "attempt", "repeated",
)  # fmt: skip
_INSTANTS: Final = ("valid_until", "until", "next")


async def show(request: Request) -> Response:
    """Give the log page."""
    host = admit(request)
    given = parameters(request, _PARAMETERS)
    language = language_of(given)
    where = log_filter(given)
    try:
        page = await host.views.log(where, ROWS, given.get("before"))
    except NeverWorks as error:
        raise Answer(400, str(error)) from error
    except SojournError as error:
        raise Answer(503, error.what, {"Retry-After": "5"}) from error
    return draw(
        "log.html",
        language,
        host,
        rows=[_row(row, language, host) for row in page.rows],
        counts=Counter(row.status for row in page.rows),
        statuses=[(one.name, getattr(one, language)) for one in STATUSES.values()],
        journeys=_journeys(host, language),
        given=given,
        earlier=None if page.next is None else link(given, before=page.next),
        link=lambda **change: link(given, **change),
        size=ROWS,
        here="log",
        address={name: value for name, value in given.items() if name != "lang"},
    )


def link(given: Mapping[str, str], **change: str | None) -> str:
    """Give the address of this page with other filters; another filter begins with the newest row."""
    values: dict[str, str | None] = {**given, "before": None, **change}
    query = urlencode({name: value for name, value in values.items() if value})
    return f"/log?{query}" if query else "/log"


def _journeys(host: Host, language: Language) -> list[tuple[str, str]]:
    book = host.book
    found = [(name, book.journeys[name, version].name) for name, version in book.current.items()]
    return sorted((name, _named(names, language, name)) for name, names in found)


def _named(names: Mapping[str, str], language: Language, default: str) -> str:
    return names.get(language) or names.get("zh-CN" if language == "zh" else "en") or default


def _row(row: Row, language: Language, host: Host) -> dict[str, Any]:
    book = host.book
    zone = book.rules.default_zone
    version = book.journeys.get((row.journey, row.journey_version))
    return {
        "id": row.message_id,
        "time": clock_words(row.decided_at, language, zone),
        "customer": mask_id(row.customer_id) if row.customer_id else "",
        "journey": row.journey if version is None else _named(version.name, language, row.journey),
        "version": row.journey_version,
        "step": row.step or "",
        "template": row.template or "",
        "channel": row.channel or "",
        "status": row.status,
        "reason": row.reason or "",
        "sentence": reason_sentence(row, language, zone, book.rules),
        "detail": _detail(row, language, zone),
    }


def _detail(row: Row, language: Language, zone: str) -> list[tuple[str, str]]:
    """The values that were compared, as far as they may be shown to everybody."""
    shown: list[tuple[str, str]] = []
    for name in _SHOWN:
        value = row.detail.get(name)
        if value is None or value == "":
            continue
        if name in _INSTANTS and isinstance(value, int):
            value = instant_words(value, language, zone)
        elif isinstance(value, list | tuple):
            value = ", ".join(map(str, value))
        shown.append((name, str(value)))
    return shown
