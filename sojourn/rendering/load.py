"""Reads the folder of templates and says everything that is wrong in it at once; never stops at the first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sojourn.rendering.catalogue import (
    CHANNELS,
    PARTS,
    Body,
    Links,
    Need,
    SmsFrame,
    Template,
    Templates,
    Variable,
)
from sojourn.rendering.declarations import Catalogue, read_catalogue, read_variables
from sojourn.rendering.layout import assemble, check_body, compile_layout
from sojourn.rendering.problems import Problem, suggest
from sojourn.rendering.program import parse


@dataclass(slots=True)
class _Loading:
    folder: Path
    shown: str  # the folder as problems name it
    catalogue: Catalogue
    variables: Mapping[str, Variable]
    links: Links
    layout: str
    problems: list[Problem] = field(default_factory=list)

    def file(self, path: str) -> str:
        return f"{self.shown}/{path}"

    def read(self, path: str) -> str | None:
        """The text of a file without its last line end; None, and a problem, when it cannot be read."""
        try:
            text = (self.folder / path).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(Problem(self.file(path), 1, 1, f"cannot be read: {type(error).__name__}", "use UTF-8"))
            return None
        return text.replace("\r\n", "\n").rstrip("\n")


def load_templates(folder: Path) -> Templates:
    """Gives all templates below `folder` (templates/ of a project) with all problems found.

    A template with a problem is still listed, so that other checks can go on; whoever wants to run a
    project refuses it while `problems` is not empty.
    """
    problems: list[Problem] = []
    shown = folder.name
    catalogue = read_catalogue(folder / "catalogue.yaml", f"{shown}/catalogue.yaml", problems)
    variables, links = read_variables(folder / "variables.yaml", f"{shown}/variables.yaml", catalogue.locales, problems)
    loading = _Loading(folder, shown, catalogue, variables, links, "", problems)
    if (folder / "email").is_dir():
        loading.layout = _layout(loading)
    templates = {name: _template(loading, name) for name in catalogue.entries}
    _strays(loading)
    return Templates(templates, variables, links, catalogue.sms, catalogue.locales, tuple(sorted(set(problems))))


def _layout(loading: _Loading) -> str:
    source = loading.read("layout.mjml")
    file = loading.file("layout.mjml")
    if source is None:
        loading.problems.append(Problem(file, 1, 1, "there is no layout for e-mails"))
        return ""
    for locale in loading.catalogue.locales:
        _, wrong = compile_layout(source, loading.catalogue.mail_words(locale))
        if wrong:
            loading.problems.append(Problem(file, 1, 1, wrong))
            return ""
    return source


def _template(loading: _Loading, name: str) -> Template:
    entry = loading.catalogue.entries[name]
    bodies: dict[tuple[str, str], Body] = {}
    empty = True
    for channel in CHANNELS:
        found = {locale: _sources(loading, name, channel, locale) for locale in loading.catalogue.locales}
        if not any(found.values()):
            continue
        empty = False
        for locale, sources in found.items():
            body = _body(loading, name, entry.klass, channel, locale, sources)
            if body is not None:
                bodies[channel, locale] = body
    if empty:
        hint = f"write {loading.shown}/sms/{name}/<locale>.txt or {loading.shown}/email/{name}/<locale>/"
        loading.problems.append(entry.at.problem(f"the template {name!r} has no body in any channel", hint))
    digest = _digest(entry.klass, str(entry.urgent), *_content(loading, bodies))
    return Template(name, entry.klass, entry.urgent, bodies, digest, entry.at)


def _path(name: str, channel: str, locale: str, file: str) -> str:
    return f"sms/{name}/{locale}{file}" if channel == "sms" else f"email/{name}/{locale}/{file}"


def _sources(loading: _Loading, name: str, channel: str, locale: str) -> dict[str, str]:
    paths = {part: _path(name, channel, locale, file) for part, file in PARTS[channel].items()}
    read = {part: loading.read(path) for part, path in paths.items()}
    return {part: source for part, source in read.items() if source is not None}


def _body(loading: _Loading, name: str, klass: str, channel: str, locale: str, sources: dict[str, str]) -> Body | None:
    """One body from its files; a missing or blank file is a problem of its own."""
    needs: dict[str, Need] = {}
    complete = True
    for part, suffix in PARTS[channel].items():
        file = loading.file(_path(name, channel, locale, suffix))
        source = sources.get(part)
        if source is None or not source.strip():
            fault = "is missing" if source is None else "is blank"
            loading.problems.append(Problem(file, 1, 1, f"the {part} of {name} in {locale} {fault}"))
            complete = False
            continue
        complete &= _part(loading, part, source, file, locale, needs)
    if not complete:
        return None
    parts = dict(sources)
    if channel == "email" and loading.layout:
        parts["html"] = _page(loading, klass, locale, sources, needs)
    links = {name: target for name in needs if (target := loading.variables[name].link) is not None}
    return Body(channel, locale, parts, {k: v for k, v in sorted(needs.items()) if k not in links}, links)


def _part(loading: _Loading, part: str, source: str, file: str, locale: str, needs: dict[str, Need]) -> bool:
    """Checks one file and adds what it needs; tells whether it is sound."""
    kinds = {name: variable.kind for name, variable in loading.variables.items()}
    _, found = parse(source, file, kinds, locale, html=part == "html")
    problems = list(found.problems)
    if part == "html":
        problems += check_body(source, file)
    if part == "subject" and "\n" in source:
        problems.append(Problem(file, 2, 1, "a subject is one line"))
    loading.problems += problems
    _merge(needs, found.needs)
    return not problems


def _merge(needs: dict[str, Need], more: Mapping[str, Need]) -> None:
    for name, need in more.items():
        if need == "required" or name not in needs:
            needs[name] = need


def _page(loading: _Loading, klass: str, locale: str, sources: dict[str, str], needs: dict[str, Need]) -> str:
    page, _ = compile_layout(loading.layout, loading.catalogue.mail_words(locale))
    note = loading.catalogue.note(locale, klass)
    if note is not None:
        kinds = {name: variable.kind for name, variable in loading.variables.items()}
        _, found = parse(note.text, note.file, kinds, locale, html=True)
        for problem in found.problems:
            loading.problems.append(note.problem(problem.message, problem.hint))
        if not found.problems:
            _merge(needs, found.needs)
    return assemble(page, sources["subject"], sources["html"], note.text if note else "")


def _content(loading: _Loading, bodies: Mapping[tuple[str, str], Body]) -> list[str]:
    content: list[str] = []
    for (channel, locale), body in sorted(bodies.items()):
        content += [channel, locale, *(text for _, text in sorted(body.parts.items()))]
        if channel == "sms":
            frame = loading.catalogue.sms.get(locale, SmsFrame())
            content += [frame.signature, frame.opt_out, *sorted(frame.opt_out_for)]
    return content


def _digest(*parts: str) -> str:
    joined = hashlib.sha256()
    for part in parts:
        data = part.encode()
        joined.update(len(data).to_bytes(8, "big") + data)
    return joined.hexdigest()


def _strays(loading: _Loading) -> None:
    """Names each folder and file that no template of the catalogue owns, so that a misspelling is seen."""
    allowed = set(loading.catalogue.locales)
    for channel in CHANNELS:
        root = loading.folder / channel
        for entry in sorted(root.iterdir()) if root.is_dir() else ():
            if entry.name.startswith("."):
                continue
            file = loading.file(f"{channel}/{entry.name}")
            if entry.name not in loading.catalogue.entries:
                hint = suggest(entry.name, loading.catalogue.entries)
                loading.problems.append(Problem(file, 1, 1, "no template of this name in catalogue.yaml", hint))
                continue
            for child in sorted(entry.iterdir()) if entry.is_dir() else ():
                locale = child.stem if channel == "sms" else child.name
                if locale not in allowed and not child.name.startswith("."):
                    hint = suggest(locale, allowed)
                    loading.problems.append(Problem(f"{file}/{child.name}", 1, 1, f"unknown locale {locale!r}", hint))
