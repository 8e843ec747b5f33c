"""Reads catalogue.yaml (templates, signature, words of the layout) and variables.yaml (variables, links)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sojourn.core.conditions import RESERVED
from sojourn.rendering.catalogue import CLASSES, Links, SmsFrame, Variable
from sojourn.rendering.formats import KINDS, LOCALES
from sojourn.rendering.problems import Problem, suggest
from sojourn.rendering.yamlread import Located, Table, read_table

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
# Words that mean something else in a template or a condition.
_RESERVED = frozenset({"loop", "range", "default"}) | RESERVED


@dataclass(frozen=True, slots=True)
class Entry:
    """One template as the catalogue declares it."""

    klass: str
    urgent: bool
    at: Located


@dataclass(frozen=True, slots=True)
class Catalogue:
    """catalogue.yaml: which templates there are and what stands around their bodies."""

    locales: tuple[str, ...] = ("zh-CN",)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    sms: Mapping[str, SmsFrame] = field(default_factory=dict)
    mail: Mapping[str, Mapping[str, Located]] = field(default_factory=dict)
    notes: Mapping[str, Mapping[str, Located]] = field(default_factory=dict)

    def mail_words(self, locale: str) -> tuple[tuple[str, str], ...]:
        """The words of the layout in a locale, with `locale` itself."""
        words = {name: value.text for name, value in self.mail.get(locale, {}).items()}
        return (("locale", locale), *sorted(words.items()))

    def note(self, locale: str, klass: str) -> Located | None:
        """The line below an e-mail of a class: why it came, and for some how to stop it."""
        return self.notes.get(locale, {}).get(klass)


def read_catalogue(path: Path, name: str, problems: list[Problem]) -> Catalogue:
    """Gives what the file declares, and what it could read when something is wrong."""
    table = read_table(path, name, problems)
    if table is None:
        return Catalogue()
    table.only(("locales", "sms", "email", "templates"), problems)
    locales = _locales(table, problems)
    return Catalogue(
        locales,
        _entries(table.table("templates", problems), problems),
        _frames(table.table("sms", problems), locales, problems),
        *_mail(table.table("email", problems), locales, problems),
    )


def _locales(table: Table, problems: list[Problem]) -> tuple[str, ...]:
    value = table.get("locales")
    if not isinstance(value, tuple) or not value:
        problems.append(table.at.problem("'locales' must be a list, the default locale first", "locales: [zh-CN, en]"))
        return ("zh-CN",)
    problems.extend(
        item.problem(f"no formats for the locale {item.text!r}", suggest(item.text, LOCALES))
        for item in value
        if item.text not in LOCALES
    )
    return tuple(item.text for item in value if item.text in LOCALES) or ("zh-CN",)


def _entries(table: Table | None, problems: list[Problem]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for key, value in table or ():
        if not _NAME.match(key.text):
            problems.append(key.problem(f"{key.text!r} is no name for a template", "small letters, digits and _"))
            continue
        if not isinstance(value, Table):
            problems.append(key.problem(f"{key.text!r} must declare its class", "{class: service}"))
            continue
        value.only(("class", "urgent"), problems)
        klass, urgent = value.text("class", problems), value.text("urgent", problems)
        if klass is None or klass.text not in CLASSES:
            word = klass.text if klass else ""
            hint = suggest(word, CLASSES)
            problems.append((klass or key).problem(f"{key.text!r} must be of one of the four classes", hint))
        if urgent is not None and urgent.text not in ("true", "false"):
            problems.append(urgent.problem("'urgent' is true or false"))
        known = klass.text if klass and klass.text in CLASSES else "service"
        entries[key.text] = Entry(known, bool(urgent and urgent.text == "true"), key)
    return entries


def _frames(table: Table | None, locales: tuple[str, ...], problems: list[Problem]) -> dict[str, SmsFrame]:
    frames: dict[str, SmsFrame] = {}
    if table is None:
        return frames
    table.only((*locales, "opt_out_for"), problems)
    value = table.get("opt_out_for")
    listed = value if isinstance(value, tuple) else ()
    problems.extend(
        item.problem(f"unknown class {item.text!r}", suggest(item.text, CLASSES))
        for item in listed
        if item.text not in CLASSES
    )
    classes = frozenset(item.text for item in listed)
    for locale in locales:
        frame = table.table(locale, problems)
        if frame is None:
            problems.append(table.at.problem(f"the signature of {locale} is missing"))
            continue
        frame.only(("signature", "opt_out"), problems)
        signature, opt_out = frame.text("signature", problems), frame.text("opt_out", problems)
        frames[locale] = SmsFrame(signature.text if signature else "", opt_out.text if opt_out else "", classes)
    return frames


def _mail(
    table: Table | None, locales: tuple[str, ...], problems: list[Problem]
) -> tuple[dict[str, dict[str, Located]], dict[str, dict[str, Located]]]:
    words: dict[str, dict[str, Located]] = {}
    notes: dict[str, dict[str, Located]] = {}
    if table is None:
        return words, notes
    table.only(locales, problems)
    for locale in locales:
        entry = table.table(locale, problems)
        if entry is None:
            problems.append(table.at.problem(f"the words of the layout in {locale} are missing"))
            continue
        words[locale] = {key.text: value for key, value in entry if isinstance(value, Located)}
        by_class = entry.table("notes", problems)
        if by_class is not None:
            by_class.only(CLASSES, problems)
            notes[locale] = {key.text: value for key, value in by_class if isinstance(value, Located)}
    return words, notes


def read_variables(
    path: Path, name: str, locales: tuple[str, ...], problems: list[Problem]
) -> tuple[dict[str, Variable], Links]:
    """Gives the variables by name and the link service."""
    table = read_table(path, name, problems)
    if table is None:
        return {}, Links()
    table.only(("links", "variables"), problems)
    links = _links(table.table("links", problems), problems)
    variables: dict[str, Variable] = {}
    for key, value in table.table("variables", problems) or ():
        if not _NAME.match(key.text) or key.text in _RESERVED:
            problems.append(key.problem(f"{key.text!r} is no name for a variable", "small letters, digits and _"))
        elif not isinstance(value, Table):
            problems.append(key.problem(f"{key.text!r} must declare its type", "{type: text}"))
        else:
            variables[key.text] = _variable(key, value, links, locales, problems)
    return variables, links


def _variable(key: Located, table: Table, links: Links, locales: tuple[str, ...], problems: list[Problem]) -> Variable:
    table.only(("type", "value", "link"), problems)
    kind, link = table.text("type", problems), table.text("link", problems)
    if kind is None or kind.text not in KINDS:
        hint = suggest(kind.text if kind else "", KINDS)
        problems.append((kind or key).problem(f"{key.text!r} must be of one of the types", hint))
    shown = kind.text if kind and kind.text in KINDS else "text"
    if link is None:
        return Variable(key.text, shown, key, None, _expressions(key, table, locales, problems))
    if table.get("value") is not None:
        problems.append(key.problem(f"{key.text!r} has a value and a link", "keep one of them"))
    if shown != "url":
        problems.append(key.problem(f"a link is of type url, not {shown}"))
    if link.text not in links.targets:
        problems.append(link.problem(f"unknown target {link.text!r}", suggest(link.text, links.targets)))
    return Variable(key.text, shown, key, link.text)


def _expressions(
    key: Located, table: Table, locales: tuple[str, ...], problems: list[Problem]
) -> dict[str | None, Located]:
    value = table.get("value")
    if value is None:
        return {None: key}
    if isinstance(value, Located):
        return {None: value}
    if isinstance(value, Table):
        value.only(locales, problems)
        missing = [locale for locale in locales if value.get(locale) is None]
        problems.extend(key.problem(f"{key.text!r} has no value in {locale}") for locale in missing)
        return {name.text: text for name, text in value if isinstance(text, Located)}
    problems.append(key.problem(f"the value of {key.text!r} must be an expression, or one for each locale"))
    return {None: key}


def _links(table: Table | None, problems: list[Problem]) -> Links:
    if table is None:
        return Links()
    table.only(("base", "days", "targets"), problems)
    base, days = table.text("base", problems), table.text("days", problems)
    targets: dict[str, str] = {}
    for key, value in table.table("targets", problems) or ():
        if isinstance(value, Located) and _is_address(value.text):
            targets[key.text] = value.text
        else:
            problems.append(key.problem(f"the target {key.text!r} must be an https address"))
    if base is None or not _is_address(base.text) or base.text.endswith("/"):
        problems.append((base or table.at).problem("'base' must be an https address without a slash at its end"))
        base = None
    number = int(days.text) if days and re.fullmatch(r"[0-9]{1,3}", days.text) else 0
    if days is not None and not 1 <= number <= 365:
        problems.append(days.problem("'days' must be a whole number from 1 to 365"))
    return Links(base.text if base else Links().base, number or Links().days, targets)


def _is_address(text: str) -> bool:
    """An https address, or http on the own machine for rehearsals."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not re.search(r"\s", text)
