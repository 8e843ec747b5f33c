"""``sojourn schema``."""

from enum import StrEnum
from typing import Annotated

import typer

from sojourn.cli.common import ProjectOption, project_folder, say_json


class What(StrEnum):
    """What a schema is printed of."""

    JOURNEY = "journey"
    EVENTS = "events"


def schema(
    what: Annotated[
        What, typer.Argument(help="journey: the journey file; events: the project's events.")
    ] = What.JOURNEY,
    project: ProjectOption = None,
) -> None:
    """Print the JSON Schema of the journey language, or of the project's events.

    Editors use the first one to help while a journey is written; publishing systems use the second.

    \b
    Examples:
      sojourn schema > journey.schema.json
      sojourn schema events
    """
    if what is What.JOURNEY:
        from sojourn.definitions.jsonschema import journey_schema

        say_json(journey_schema())
        return
    from sojourn.definitions.catalogue import load_catalogue

    say_json(load_catalogue(project_folder(project)).envelope_schema())
