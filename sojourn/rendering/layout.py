"""Puts the body of an e-mail into the one layout: MJML to HTML and CSS into the tags, once, at publication.

The layout names its holes `{{ subject }}`, `{{ body }}`, `{{ note }}` and the words of the locale. The
result is one page a template and locale, in which only the variables of the template are still open: a
message costs no MJML and no CSS.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import css_inline
import mrml

from sojourn.rendering.problems import Problem, suggest

HOLES = ("subject", "body", "note")
_HOLE = re.compile(r"\{\{\s*([^}]*?)\s*\}\}")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
# Private-use characters stand for what the two HTML tools must not touch; no text may contain them.
_OPEN, _CLOSE = "\ue000", "\ue001"
_TOKEN = re.compile(f"<!--{_OPEN}(\\d+){_CLOSE}-->|{_OPEN}(\\d+){_CLOSE}")


@lru_cache(maxsize=64)
def compile_layout(source: str, words: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """Gives the page with its three holes open, and "" or what is wrong with the layout.

    `words` are the texts of a locale by the name of their hole; they are escaped.
    """
    known: Mapping[str, str] = dict(words)
    unknown = [name for name in _HOLE.findall(source) if name not in known and name not in HOLES]
    if unknown:
        return "", f"unknown hole {unknown[0]!r}; " + suggest(unknown[0], [*known, *HOLES])
    missing = [name for name in HOLES if name not in _HOLE.findall(source)]
    if missing:
        return "", f"the layout has no hole {{{{ {missing[0]} }}}}"

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        return _hole(name) if name in HOLES else html.escape(known[name])

    try:
        # No fonts: a mail that fetches something tells others that it was read.
        page = str(mrml.to_html(_HOLE.sub(fill, source), None, mrml.RenderOptions(fonts={})).content)
    except (ValueError, OSError) as error:
        return "", f"not MJML: {error}"
    lost = [name for name in HOLES if _hole(name) not in page]
    return (page, "") if not lost else ("", f"the hole {{{{ {lost[0]} }}}} stands where MJML drops it")


def assemble(page: str, subject: str, body: str, note: str) -> str:
    """Gives the source of the whole e-mail: holes filled, styles in the tags, template tags untouched."""
    store: list[str] = []
    title = _escape_outside(subject)
    for name, part in zip(HOLES, (title, body, note), strict=True):
        page = page.replace(_hole(name), part)
    return _restore(_inliner().inline(_protect(page, store)), store)


def _hole(name: str) -> str:
    # ASCII letters only: mrml writes other characters of a title as escapes into an attribute.
    return f"xxSojournHole{name.capitalize()}xx"


@lru_cache(maxsize=1)
def _inliner() -> Any:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


def _escape_outside(source: str) -> str:
    """Escapes the plain text of a subject, which stands in a title and in an attribute of the page."""
    parts: list[str] = []
    end = 0
    for match in _JINJA.finditer(source):
        parts += [html.escape(source[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, html.escape(source[end:])])


def _protect(page: str, store: list[str]) -> str:
    """Hides template tags: a comment between HTML tags (allowed even in tables), a mere mark inside one."""

    def hide(match: re.Match[str]) -> str:
        store.append(match[0])
        mark = f"{_OPEN}{len(store) - 1}{_CLOSE}"
        before = page[: match.start()]
        inside = before.rfind("<") > before.rfind(">") or before.rfind("<title") > before.rfind("</title")
        return mark if inside or match[0].startswith("{{") else f"<!--{mark}-->"

    return _JINJA.sub(hide, page)


def _restore(page: str, store: list[str]) -> str:
    return _TOKEN.sub(lambda match: store[int(match[1] or match[2])], page)


_FORBIDDEN = (
    (
        re.compile(r"<\s*(script|iframe|object|embed|form|link|meta|base|style)\b", re.IGNORECASE),
        "the tag <{}> has no place in a body",
    ),
    (re.compile(r"\s(on\w+)\s*=", re.IGNORECASE), "the attribute {} has no place in a body"),
    (
        re.compile(r"(javascript|vbscript|data)\s*:", re.IGNORECASE),
        "an address of kind {}: has no place in a body",
    ),
)


def check_body(source: str, file: str) -> list[Problem]:
    """Finds what mail programs drop or people misuse: scripts, frames, forms, handlers, own styles."""
    problems = []
    if _OPEN in source or _CLOSE in source:
        problems.append(Problem(file, 1, 1, "private-use characters are not allowed"))
    for pattern, message in _FORBIDDEN:
        for match in pattern.finditer(source):
            before = source[: match.start()]
            line, column = before.count("\n") + 1, match.start() - before.rfind("\n")
            problems.append(Problem(file, line, column, message.format(match[1].lower()), "the layout holds the style"))
    return problems
