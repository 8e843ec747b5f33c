"""The page about templates names every filter, kind, limit and file that the code knows, and no other filter."""

import re
from pathlib import Path

from sojourn.rendering.analyse import FILTERS, LOOP_ATTRIBUTES, TESTS
from sojourn.rendering.catalogue import CLASSES, PARTS
from sojourn.rendering.formats import KINDS
from sojourn.rendering.layout import HOLES
from sojourn.rendering.program import MAX_OUTPUT, MAX_STEPS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "templates.md").read_text(encoding="utf-8")


def test_every_word_is_on_the_page() -> None:
    words = [f"`{kind}`" for kind in KINDS]
    words += [f"is {name}" for name in TESTS]
    words += [f"loop.{name}" for name in LOOP_ATTRIBUTES]
    words += [f"`{name}`" for name in CLASSES]
    words += [f"{{{{ {name} }}}}" for name in HOLES]
    words += list(PARTS["email"].values())
    words += [f"{MAX_OUTPUT:,}", f"{MAX_STEPS:,}"]
    assert [word for word in words if word not in PAGE] == []


def test_the_filters_on_the_page_are_those_of_the_code() -> None:
    assert set(re.findall(r"\{\{ \w+ \\\| (\w+)", PAGE)) == set(FILTERS)
