"""Writes docs/reference/language.md from the grammar, the durations and the words of conditions.

    python -m sojourn.definitions.reference > docs/reference/language.md

A test holds the page equal to what stands here, so a word of the language cannot be without its line.
"""

import sys
from collections.abc import Iterator, Mapping

from sojourn.core.conditions import FILTERS, FUNCTIONS, NAMES, ROOTS, Word
from sojourn.definitions.durations import UNITS
from sojourn.definitions.grammar import ByShape, ByWord, Kind, ListOf, MapOf, Record, Ref
from sojourn.definitions.journey import JOURNEY
from sojourn.definitions.steps import CLOSING_STEP, STEP
from sojourn.definitions.vocabulary import SYNONYMS

_HEAD = """# The journey language

*Generated from the code by `python -m sojourn.definitions.reference`; change the grammar, not this page.*

One file is one journey: `journeys/<id>.yaml`. Every key is one of those below; an unknown one, a misspelt name or a
doubled key is an error with its line, its column and the nearest name. All plain texts are read as they stand:
`0012`, `1.10` and `12e4567` keep their digits, and truth values are `true` and `false` only. A text that begins with a
quote mark, or holds `: ` or, inside `{...}`, a comma or a bracket, stands in quotes as a whole.
"""

_TIMES = f"""## Times

| written | means |
|---|---|
| `20 minutes`, `36 hours` | elapsed time |
| `3 days`, `2 weeks`, `1 month`, `2 years` | calendar time in the customer's zone: the wall clock stays |
| `2 business days`, `4 business hours` | by the business calendar (schemas/calendar.yaml) |
| `09:00` | a time of day, from 00:00 to 23:59 |
| `3 days before due_date 09:00`, `due_date 09:00` | a local time on a date that is a fact |
| `2 days later 10:00` | a local time so many days from when the step is reached |

Units: {", ".join(UNITS)}. ISO 8601 durations are refused:
there is one way to say each thing.
"""

_VALUES = """## Values under `with`

A value is a text. `{zh: ..., en: ...}` is a text in both languages. A text that begins with `= ` is an expression:
`amount: = amount`. A name in a template is looked up in the send's `with`, the event at hand, facts and key fields,
parameters, and the project's variables, in this order (Q3).
"""

_SCOPES = """## Which event a step sees

| where | `event.` is |
|---|---|
| `start`, `facts` | the starting event (of a pattern, the one that completes it; a day or a silence has none) |
| `react`: `if`, `set`, `do` | the event reacted to, also after waits, unless a `then` went on below under another |
| `wait_for`: `if`, `then` | the awaited event |
| `goal`, `exit`: `if`, `do` | that event |
| `flow` elsewhere, `schedule`, `deadlines` | none: keep what is needed as a fact |

Where several event types may be at hand, only fields that all of them have with the same type can be named.
"""


def render_reference() -> str:
    """Give the whole page."""
    parts = [_HEAD, _section("The journey", JOURNEY)]
    parts += [_section(f"`{name}`", record) for name, record in _named_parts()]
    parts.append("## Steps\n\nA step is a group with exactly one of the words below.\n")
    for word, record in STEP.records.items():
        parts.append(_section(f"`{word}`", record, level=3))
        for field in record.fields:
            inner = _records(f"{word}: {field.name}" if field.name != word else word, field.kind)
            parts += [_section(f"`{title}`", one, level=4) for title, one in inner]
    closing = ", ".join(f"`{word}`" for word in CLOSING_STEP.records)
    parts.append(f"Under `goal` and `exit`, `do` knows {closing} only: a run that ends waits for nothing.\n")
    parts += [_SCOPES, _VALUES, _TIMES, _conditions(), _synonyms()]
    return "\n".join(parts)


def _section(title: str, record: Record, level: int = 2) -> str:
    lines = [f"{'#' * level} {title}", ""]
    if record.about:
        lines += [record.about, ""]
    lines += ["| key | value | meaning |", "|---|---|---|"]
    for field in record.fields:
        name = f"**`{field.name}`**" if field.required else f"`{field.name}`"
        lines.append(f"| {name} | {_cell(field.kind.words())} | {_cell(field.about)} |")
    return "\n".join([*lines, ""]) + ("\nKeys in bold are required.\n" if record is JOURNEY else "")


def _named_parts() -> Iterator[tuple[str, Record]]:
    """Give the records inside the journey, each with the key it stands under; steps have their own part."""
    for field in JOURNEY.fields:
        yield from _records(field.name, field.kind)


def _records(title: str, kind: Kind) -> Iterator[tuple[str, Record]]:
    if isinstance(kind, Ref):
        if kind.name in ("steps", "closing_steps", "by", "values", "sets", "events"):
            return
        kind = kind.to()
    if isinstance(kind, Record):
        yield title, kind
        for field in kind.fields:
            if not isinstance(field.kind, Ref):
                yield from _records(f"{title}: {field.name}", field.kind)
    elif isinstance(kind, ByWord):
        for word, record in kind.records.items():
            yield from _records(f"{title}: {{{word}: ...}}", record)
    elif isinstance(kind, ListOf | MapOf | ByShape):
        for inner in kind.inner():
            yield from _records(title, inner)


def _conditions() -> str:
    lines = [
        "## Conditions and expressions",
        "",
        "Operators: `and`, `or`, `not`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`, `+`, `-`, `*`, `/`,",
        "`is none`, `is not none`, `a if condition else b`. Facts and key fields stand by their bare name. A value",
        "that may be absent is guarded (`x is not none and ...`) or given a default (`x | default(...)`) (Q1).",
        "",
        "| written | means | example |",
        "|---|---|---|",
    ]
    groups: tuple[Mapping[str, Word], ...] = (ROOTS, NAMES, FUNCTIONS, FILTERS)
    words = [word for group in groups for word in group.values()]
    lines += [f"| {_code(word.form)} | {_cell(word.meaning)} | {_code(word.example)} |" for word in words]
    return "\n".join([*lines, ""])


def _synonyms() -> str:
    lines = ["## Words of other notations", "", "| instead of | |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(hint)} |" for name, hint in sorted(SYNONYMS.items())]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


if __name__ == "__main__":
    sys.stdout.write(render_reference())
