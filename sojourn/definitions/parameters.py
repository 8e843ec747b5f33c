"""Reads parameters.yaml: typed values that marketing may change without touching a journey."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sojourn.core.types import Type
from sojourn.definitions.grammar import Entries, F, Fields, MapOf, Name, Record, Text
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.typetext import ANYTHING, TYPE, typed_value

_LANGUAGES: Final = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: type and value; a text that differs by language has ``texts`` (locale -> text) instead."""

    type: Type
    value: Any = None
    texts: Mapping[str, str] | None = None


PARAMETER: Final = Record(
    "a parameter",
    (
        F("type", TYPE, "type of the value", required=True),
        F("value", ANYTHING, "the value"),
        F("zh", Text(), "the text in Chinese"),
        F("en", Text(), "the text in English"),
        F("note", Text(), "what a reader should know"),
    ),
)
PARAMETERS: Final = MapOf(Name("parameter"), PARAMETER)


def read_parameters(node: MappingNode, problems: Problems) -> dict[str, Parameter]:
    """Give all parameters of a project that could be read."""
    parsed: Entries | None = PARAMETERS.parse(node, problems)
    found: dict[str, Parameter] = {}
    for name, one in parsed.items() if parsed is not None else ():
        parameter = parameter_of(one, problems)
        if parameter is not None:
            found[name] = parameter
    return found


def parameter_of(parsed: Fields, problems: Problems) -> Parameter | None:
    """Give one parameter, or None after noting what is wrong; journeys use it for their own `params`, too."""
    if parsed.get("type") is None:
        return None
    declared: Type = parsed.value("type")
    if "zh" in parsed or "en" in parsed:
        texts = {locale: parsed.value(name) for name, locale in _LANGUAGES.items()}
        if declared.kind != "text" or "value" in parsed:
            problems.add(
                parsed.at,
                "only a text differs by language, and then it has no `value`",
                "keep zh and en, or value",
            )
        elif None in texts.values():
            problems.add(parsed.at, "a text that differs by language needs both zh and en")
        else:
            return Parameter(declared, texts=texts)
        return None
    if parsed.get("value") is None:
        problems.add(parsed.at, "this parameter has no value", "write `value: ...`, or zh and en for a text")
        return None
    before = len(problems.errors)
    value = typed_value(declared, parsed.get("value"), problems)
    return Parameter(declared, value) if len(problems.errors) == before else None
