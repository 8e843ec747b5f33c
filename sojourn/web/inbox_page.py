"""The local inbox as its receivers see it: a phone, a mail reader, and the calls to other systems."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from sojourn.core.saying import Language, date_text, instant_words
from sojourn.core.zones import to_local
from sojourn.web.api import Answer, parameters
from sojourn.web.host import Host, InboxEntry
from sojourn.web.masking import mask_address
from sojourn.web.pages import MAIL_POLICY, admit, clock_words, draw, language_of

MAILS: Final = 60
BUBBLES: Final = 40
CALLS: Final = 12
_PARAMETERS: Final = ("lang", "phone", "mail")
_KEY: Final = secrets.token_bytes(16)  # tokens of phones end with the process


class Bubble(NamedTuple):
    """One text message on the phone; ``day`` only where the day is a new one."""

    text: str
    time: str
    day: str
    tag: str


class Phone(NamedTuple):
    """One phone: its token for the address of the page, its masked number, how many messages it has."""

    token: str
    label: str
    held: int


async def show(request: Request) -> Response:
    """Give the inbox page."""
    host = admit(request)
    given = parameters(request, _PARAMETERS)
    language = language_of(given)
    held = list(host.inbox or ())
    texts = [one for one in held if one.kind == "sms"]
    mails = [(number, one) for number, one in enumerate(held) if one.kind == "email"][::-1]
    calls = [one for one in held if one.kind == "call"][::-1]
    phones = _phones(texts)
    chosen = _chosen(given.get("phone"), texts)
    number, mail = _open_mail(given.get("mail"), mails)
    return draw(
        "inbox.html",
        language,
        host,
        counts={"sms": len(texts), "mail": len(mails), "call": len(calls)},
        phones=phones,
        phone=chosen,
        bubbles=_bubbles([one for one in texts if _token(one.to) == chosen], language, host),
        mails=[_mail_row(at, one, language, host) for at, one in mails[:MAILS]],
        mail=None if mail is None else _mail_head(number, mail, language, host),
        calls=[_call_row(one, language, host) for one in calls[:CALLS]],
        more_calls=len(calls) > CALLS,
        here="inbox",
        address=_address(given),
    )


async def mail(request: Request) -> Response:
    """Give the HTML of a mail from its own address, boxed in: it may style itself and nothing else."""
    host = admit(request)
    held = list(host.inbox or ())
    number: int = request.path_params["number"]
    if number >= len(held) or held[number].kind != "email" or held[number].html is None:
        raise Answer(404, "There is no such mail")
    headers = {"Content-Security-Policy": MAIL_POLICY, "Cache-Control": "no-store"}
    return Response(held[number].html, headers=headers, media_type="text/html")


def _address(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name != "lang"}


def _token(number: str) -> str:
    """Numbers never stand in an address; this stands for one as long as the process lives."""
    return hashlib.blake2b(number.encode(), key=_KEY, digest_size=6).hexdigest()


def _phones(texts: Sequence[InboxEntry]) -> list[Phone]:
    """Give the phones, the one with the newest message first."""
    counts: dict[str, int] = {}
    for one in texts:
        counts[one.to] = counts.pop(one.to, 0) + 1
    return [Phone(_token(to), mask_address("sms", to), count) for to, count in reversed(counts.items())]


def _chosen(token: str | None, texts: Sequence[InboxEntry]) -> str | None:
    known = {_token(one.to) for one in texts}
    if token in known:
        return token
    return _token(texts[-1].to) if texts else None


def _bubbles(texts: Sequence[InboxEntry], language: Language, host: Host) -> list[Bubble]:
    zone = host.book.rules.default_zone
    bubbles: list[Bubble] = []
    last = ""
    for one in texts[-BUBBLES:]:
        day = date_text(to_local(one.at, zone)[0], language)
        clock = instant_words(one.at, language, zone).rpartition(" ")[2]
        bubbles.append(Bubble(one.text, clock, day if day != last else "", _tag(one.text)))
        last = day
    return bubbles


def _tag(text: str) -> str:
    """The language of a message, for the reader's fonts and voice."""
    return "zh-CN" if any("一" <= char <= "鿿" for char in text) else "en"


def _open_mail(asked: str | None, mails: Sequence[tuple[int, InboxEntry]]) -> tuple[int, InboxEntry | None]:
    """Give the mail that was asked for, else the newest."""
    if asked is not None:
        for number, one in mails:
            if one.id == asked:
                return number, one
        raise Answer(404, "There is no such mail")
    return mails[0] if mails else (0, None)


def _mail_row(number: int, one: InboxEntry, language: Language, host: Host) -> dict[str, Any]:
    return {
        "id": one.id,
        "number": number,
        "subject": one.subject or "",
        "tag": _tag(one.subject or ""),
        "to": mask_address("email", one.to),
        "time": clock_words(one.at, language, host.book.rules.default_zone),
    }


def _mail_head(number: int, one: InboxEntry, language: Language, host: Host) -> dict[str, Any]:
    return _mail_row(number, one, language, host) | {
        "from": one.sender,
        "text": one.text,
        "has_html": one.html is not None,
    }


def _call_row(one: InboxEntry, language: Language, host: Host) -> dict[str, str]:
    return {"name": one.to, "text": one.text, "time": clock_words(one.at, language, host.book.rules.default_zone)}
