"""``sojourn topics``."""

import asyncio
import logging
import os
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from sojourn.cli.common import FOUND_PROBLEMS, JsonOption, ProjectOption, project_folder, say, say_json

_MARKS: Final = {"ok": "ok", "note": "note", "warning": "WARNING", "error": "ERROR"}


class Stamps(StrEnum):
    """Whose clock says when an event arrived."""

    BROKER = "broker"
    PUBLISHER = "publisher"


def topics(
    check: Annotated[bool, typer.Option("--check", help="Create nothing, only look.")] = False,
    partitions: Annotated[int, typer.Option(min=1, max=1000, help="Partitions of a topic that is created.")] = 6,
    replication: Annotated[
        int | None,
        typer.Option(min=1, max=10, help="Copies of a topic that is created. [default: as many as brokers, at most 3]"),
    ] = None,
    stamps: Annotated[
        Stamps, typer.Option(help="Whose clock fixes the arrival of an event, in a topic that is created.")
    ] = Stamps.BROKER,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Create the topics that are missing on the brokers of SOJOURN_KAFKA, and check all.

    The topics of the project's events and those that the engine writes are created; those of others (topics.yaml) are
    only checked. Partitions, copies, retention, compaction, time stamps and sizes are compared with what is needed so
    that nothing is lost. A topic that is there is never deleted, shrunk or changed; what to do is said.

    \b
    Examples:
      sojourn topics
      sojourn topics --partitions 12 --replication 3
      sojourn topics --check

    Exit status: 0 all is well; 1 something should be done; 2 the brokers cannot be asked.
    """
    from sojourn.bootstrap.settings import read_settings
    from sojourn.bootstrap.wiring import make_access
    from sojourn.definitions.catalogue import load_catalogue
    from sojourn.intake.mapping import load_topics
    from sojourn.kafka.topic_rules import Asked, wanted_topics
    from sojourn.kafka.topics import check_topics, make_topics

    folder = project_folder(project)
    settings = read_settings(os.environ, folder)
    read = load_topics(settings.project, load_catalogue(settings.project))
    wanted = wanted_topics(read.own, read.foreign)
    access = make_access(settings)
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # what went wrong is said once, by our own error
    if check:
        found = asyncio.run(check_topics(access, wanted))
    else:
        found = asyncio.run(make_topics(access, wanted, Asked(partitions, replication, stamps.value)))
    if as_json:
        say_json({"findings": found})
    else:
        _tell(found)
    if any(one.level in ("warning", "error") for one in found):
        raise typer.Exit(FOUND_PROBLEMS)


def _tell(found: list[Any]) -> None:
    for one in found:
        say(f"{_MARKS[one.level]:<8} {one.topic}: {one.what}")
        if one.next_step:
            say(f"         -> {one.next_step}")
