"""Writes docs/reference/project-files.md: the keys of every file of a project beside journeys and templates.

    python -m tools.project_reference > docs/reference/project-files.md

The keys come from the grammars that read the files; a test holds the page equal to them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from sojourn.definitions.calendar_file import CALENDAR
from sojourn.definitions.calls import CALLS
from sojourn.definitions.glossary import GLOSSARY
from sojourn.definitions.grammar import ByShape, Kind, ListOf, MapOf, Record, Ref
from sojourn.definitions.parameters import PARAMETERS
from sojourn.definitions.profile import PROFILE
from sojourn.definitions.rules import RULES
from sojourn.definitions.topics_file import TOPICS

HEAD: Final = """# The files of a project

*Generated from the code by `python -m tools.project_reference`; change the grammars, not this page.*

| file | holds | its keys |
|---|---|---|
| `journeys/<id>.yaml` | a journey | [the journey language](language.md) |
| `journeys/<id>.test.yaml` | its tests | [how to write tests](../how-to/write-journey-tests.md) |
| `templates/` | texts, their variables and layout | [templates](templates.md) |
| `schemas/events.py` | event types, one class each | [how to add one](../how-to/add-an-event-type.md) |
| `schemas/profile.yaml` | fields of the customer, and what events do to them | [below](#schemasprofileyaml) |
| `schemas/calls.yaml` | calls to other systems | [below](#schemascallsyaml) |
| `schemas/calendar.yaml` | business days, festivals | [below](#schemascalendaryaml) |
| `schemas/glossary.yaml` | plain words for codes | [below](#schemasglossaryyaml) |
| `parameters.yaml` | values that marketing may change | [below](#parametersyaml) |
| `rules.yaml` | what holds for every journey | [below](#rulesyaml) |
| `topics.yaml` | topics of others, and what their records become; optional | [below](#topicsyaml) |
| `channels.yaml` | how providers want messages; no part of a release | [add a channel](../how-to/add-a-channel.md) |
| `sample/events.ndjson` | what the first start sends; optional | its own lines |
| `.env` | settings | [settings](settings.md) |
| `var/` | what the engine keeps; never edit it | [embedded mode](../how-to/run-in-embedded-mode.md#what-it-keeps) |

In the tables a dot stands before a key inside a key, `<...>` for a name that you give, and `[]` for each entry of a
list. Keys in bold are required where they stand. A type is `text`, `int`, `decimal`, `number`, `bool`, `date` or
`instant`, or `list of`, `set of` or `map of` one; a `?` behind it says that the value may be absent.
"""

FILES: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("schemas/profile.yaml", "", PROFILE),
    ("schemas/calls.yaml", "", CALLS),
    ("schemas/calendar.yaml", "", CALENDAR),
    (
        "schemas/glossary.yaml",
        "Every code that an event may carry has its words here, so that no customer reads a raw code.",
        GLOSSARY,
    ),
    ("parameters.yaml", "A journey may override a parameter under its `params`.", PARAMETERS),
    ("rules.yaml", "Each section says since when it holds and who decided it.", RULES),
    ("topics.yaml", "How its expressions are written: [the file of topics](topics-file.md).", TOPICS),
)


def render() -> str:
    """Give the whole page."""
    parts = [HEAD]
    for name, about, kind in FILES:
        lines = [f"## `{name}`", "", *([about, ""] if about else []), "| key | value | meaning |", "|---|---|---|"]
        lines += [f"| {key} | {_cell(value)} | {_cell(meaning)} |" for key, value, meaning in _keys("", kind)]
        parts.append("\n".join([*lines, ""]))
    return "\n".join(parts)


def _keys(path: str, kind: Kind) -> Iterator[tuple[str, str, str]]:
    """Give every key below a path: as written, what may stand there, what it means."""
    if isinstance(kind, Ref):
        yield from _keys(path, kind.to())
    elif isinstance(kind, Record):
        for field in kind.fields:
            full = f"{path}.{field.name}" if path else field.name
            shown = f"**`{full}`**" if field.required else f"`{full}`"
            yield shown, field.kind.words(), field.about
            yield from _keys(full, field.kind)
    elif isinstance(kind, MapOf):
        named = f"<{kind.key.of}>"
        yield from _keys(f"{path}.{named}" if path else named, kind.value)
    elif isinstance(kind, ListOf):
        yield from _keys(f"{path}[]", kind.item)
    elif isinstance(kind, ByShape):
        for inner in kind.inner():
            yield from _keys(path, inner)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(render())
