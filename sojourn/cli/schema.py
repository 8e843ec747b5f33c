"""``sojourn schema``."""

from enum import StrEnum
from typing import Annotated

import typer

from sojourn.cli.common import ProjectOption, project_folder, say_json


class What(StrEnum):
    """What a schema is printed of."""

    JOURNEY = "journey"
    EVENTS = "events"
    TOPICS = "topics"
    ASYNCAPI = "asyncapi"


def schema(
    what: Annotated[
        What,
        typer.Argument(
            help="journey: the journey file; events: the project's events; topics: the records of each topic;"
            " asyncapi: all topics as an AsyncAPI 3 document."
        ),
    ] = What.JOURNEY,
    project: ProjectOption = None,
) -> None:
    """Print the JSON Schema of the journey language, or of the project's events and topics.

    Editors use the first one to help while a journey is written; systems that publish or listen use the others.

    \b
    Examples:
      sojourn schema > journey.schema.json
      sojourn schema events
      sojourn schema asyncapi > asyncapi.json
    """
    if what is What.JOURNEY:
        from sojourn.definitions.jsonschema import journey_schema

        say_json(journey_schema())
        return
    from sojourn.definitions.catalogue import load_catalogue

    catalogue = load_catalogue(project_folder(project))
    if what is What.EVENTS:
        say_json(catalogue.envelope_schema())
        return
    from sojourn import __version__
    from sojourn.definitions.asyncapi import asyncapi, topic_schemas

    say_json(topic_schemas(catalogue) if what is What.TOPICS else asyncapi(catalogue, __version__))
