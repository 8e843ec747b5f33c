"""The reference page of the language is what the code says."""

from pathlib import Path

import pytest

from sojourn.core.conditions import FILTERS, FUNCTIONS, NAMES, ROOTS
from sojourn.definitions.grammar import Kind, Record
from sojourn.definitions.journey import JOURNEY
from sojourn.definitions.reference import render_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "language.md"


def test_the_page_is_as_the_code_writes_it() -> None:
    assert PAGE.read_text("utf-8") == render_reference(), "run: python -m sojourn.definitions.reference > that page"


def records() -> list[Record]:
    found: dict[int, Record] = {}
    todo: list[Kind] = [JOURNEY]
    seen: set[int] = set()
    while todo:
        kind = todo.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        if isinstance(kind, Record):
            found[id(kind)] = kind
        todo.extend(kind.inner())
    return list(found.values())


@pytest.mark.parametrize("name", sorted({field.name for record in records() for field in record.fields}))
def test_each_key_of_the_language_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in render_reference()


@pytest.mark.parametrize("word", [word.form for group in (ROOTS, NAMES, FUNCTIONS, FILTERS) for word in group.values()])
def test_each_word_of_conditions_is_on_the_page(word: str) -> None:
    assert word.replace("|", "\\|") in render_reference()
