"""What all pages share: who may see them, their language, their headers, how they are drawn."""

import base64
import binascii
import hmac
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from sojourn.core.saying import LANGUAGES, Language, instant_words, word
from sojourn.core.vocabulary import STATUSES
from sojourn.core.zones import to_local
from sojourn.web.api import Answer
from sojourn.web.host import Host
from sojourn.web.words import PAGE_WORDS

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
MAIL_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
TAGS: Final = {"zh": "zh-CN", "en": "en"}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("sojourn.web", "html"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def admit(request: Request) -> Host:
    """Give the engine to who may see pages. Raises Answer 401.

    A server that only this machine reaches shows its pages to its users; otherwise the API key is asked for.
    """
    host: Host = request.app.state.host
    if request.app.state.here_only:
        return host
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    secret = _password(shown) if scheme.lower() == "basic" else shown.strip().encode()
    if scheme.lower() not in ("basic", "bearer") or not hmac.compare_digest(secret, host.api_key.encode()):
        ask = {"WWW-Authenticate": 'Basic realm="Sojourn", charset="UTF-8"'}
        raise Answer(401, "Give the API key as the password", ask)
    return host


def _password(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def language_of(given: dict[str, str]) -> Language:
    """Give the language of a page; Chinese without a word. Raises Answer 400."""
    asked = given.get("lang", LANGUAGES[0])
    for language in LANGUAGES:
        if asked == language:
            return language
    raise Answer(400, f"There is no language `{asked[:20]}`; there are {', '.join(LANGUAGES)}")


def draw(name: str, language: Language, host: Host, **values: Any) -> Response:
    """Give a page; its policy forbids everything from elsewhere, and nobody keeps a copy."""
    zone = host.book.rules.default_zone
    text = (
        _environment()
        .get_template(name)
        .render(
            t=lambda key: PAGE_WORDS[key][LANGUAGES.index(language)],
            lang=language,
            tag=TAGS[language],
            other="en" if language == "zh" else "zh",
            word=lambda value: word(value, language),
            status=lambda value: getattr(STATUSES[value], language) if value in STATUSES else value,
            zone=zone,
            now=clock_words(host.now(), language, zone),
            **values,
        )
    )
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return Response(text, headers=headers, media_type="text/html")


def clock_words(instant: int, language: Language, zone: str) -> str:
    """Write an instant with its seconds: 3月8日 09:00:12."""
    seconds = to_local(instant, zone)[1] // 1000 % 60
    return f"{instant_words(instant, language, zone)}:{seconds:02d}"


@cache
def _style() -> bytes:
    return files("sojourn.web").joinpath("static", "console.css").read_bytes()


async def style(request: Request) -> Response:
    """Give the one style sheet."""
    return Response(_style(), headers={"Cache-Control": "no-cache"}, media_type="text/css")
