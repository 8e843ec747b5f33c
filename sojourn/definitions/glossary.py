"""Reads schemas/glossary.yaml: plain words for codes, by table, code and locale (S22)."""

from collections.abc import Mapping
from typing import Final

from sojourn.definitions.grammar import Entries, F, MapOf, Name, Record, Text
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.rules import LOCALES

_WORDS: Final = Record(
    "the texts of a code", tuple(F(name, Text(), f"the text in {name}", required=True) for name in LOCALES)
)
_CODE: Final = Name("code", r"[^\s\x00-\x1f](.{0,98}[^\s\x00-\x1f])?", "the code as events carry it")
GLOSSARY: Final = MapOf(Name("table"), MapOf(_CODE, _WORDS, least=1))

Words = Mapping[str, Mapping[str, Mapping[str, str]]]


def read_glossary(node: MappingNode, problems: Problems) -> Words:
    """Give table -> code -> locale -> text of all that could be read; every text stands in every locale."""
    parsed: Entries | None = GLOSSARY.parse(node, problems)
    if parsed is None:
        return {}
    return {
        table: {code: {name: words.value(name, "") for name in LOCALES} for code, words in codes.items()}
        for table, codes in parsed.items()
    }
