"""The JSON Schema of a journey file, for editors: from the grammar that the parser runs on, so they agree."""

from typing import Any

from sojourn.definitions.grammar import definitions
from sojourn.definitions.journey import JOURNEY


def journey_schema() -> dict[str, Any]:
    """Give the schema (draft-07) of a journey file, with descriptions.

    It judges the form of a file as an editor reads it, by the core schema of YAML 1.2. Names, conditions, what
    belongs together, and digits that such a reader loses (`050`) are judged by `sojourn check`.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A journey of Sojourn",
        **JOURNEY.schema(),
        "definitions": definitions(JOURNEY),
    }
