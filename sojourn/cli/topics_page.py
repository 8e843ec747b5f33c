"""The page of docs/reference about Kafka topics, from what creates, judges and writes them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sojourn.kafka.topic_rules import Asked, Wanted, settings_of
from sojourn.outputs import DEAD_LETTERS, MESSAGES, SOURCE, TOPICS

_BROKERS: Final = 3
_HEAD: Final = """
# Topics

`sojourn topics` creates what is missing and checks the rest ([commands](commands.md)). The topics of the events stand
in `schemas/events.py`, those of others in `topics.yaml`. The key of a record is the customer id, the value one event as
JSON. All topics with their messages and schemas are in [asyncapi.json](asyncapi.json), an AsyncAPI 3 document that
`sojourn schema asyncapi` writes for any project; `sojourn schema topics` gives the JSON Schema (draft-07) of each.

## As they are created

{partitions} partitions (`--partitions`), and as many copies as there are brokers, at most {copies} (`--replication`).
A topic that is there is never changed. Leave its number of partitions: with another one customers move to others.
"""
_AFTER: Final = """
`min.insync.replicas` is 1 where there are fewer than three copies. Nothing is compacted: each record is a fact of its
own, and compaction would drop the earlier ones of a customer. With `LogAppendTime` the broker's clock says when an
event arrived; with `--stamps publisher` the publisher's does.

## Words for all workers

`cj.control.v1` takes what operators tell all workers
([run in production](../how-to/run-in-production.md#words-for-all-workers)).

## What goes out

Records wait in the database, written by the transaction that decided, until a broker has confirmed them. They come at
least once, in order for each customer; the same record has the same `event_id` each time. No text, no address, no value
of a profile and no words of a provider stand in them. Around each payload:

| field | |
|---|---|
| `event_id` | The same however often the record comes: drop what was seen. |
| `type` | As below. |
| `schema_version` | A new number where a field changes its meaning or goes; fields may be added without one. |
| `occurred_at` | When it was decided; of starts, ends and requested calls when it was stored. |
| `source` | `{source}` |
| `customer_id` | The key of the record, too; null where nobody could be read from a dead letter. |
| `payload` | As below. |
| `trace_id` | Of the event that led to it. |
"""


def page() -> list[str]:
    """Give the lines of the page."""
    asked = Asked()
    lines = _HEAD.format(partitions=asked.partitions, copies=asked.copies(9)).strip().splitlines()
    lines += ["", *_settings(asked), *_AFTER.format(source=SOURCE).rstrip().splitlines()]
    for one in TOPICS:
        lines += [
            "",
            f"### `{one.name}`",
            "",
            f"{one.about} Type `{one.kind}`.",
            "",
            "| field | type | |",
            "|---|---|---|",
        ]
        lines += _fields(one.shape)
    return lines


def _settings(asked: Asked) -> list[str]:
    wanted = (Wanted("", "input"), Wanted(MESSAGES, "output"), Wanted(DEAD_LETTERS, "output"))
    made = [settings_of(one, asked, _BROKERS) for one in wanted]
    lines = [f"| setting | inputs | outputs | `{DEAD_LETTERS}` |", "|---|---|---|---|"]
    return lines + [f"| `{name}` | {' | '.join(f'`{each[name]}`' for each in made)} |" for name in made[0]]


def _fields(shape: type[msgspec.Struct]) -> list[str]:
    (_,), parts = msgspec.json.schema_components([shape])
    fields: Mapping[str, Any] = parts[shape.__name__]["properties"]
    return [f"| `{name}` | {_type(one)} | {one.get('description', '')} |" for name, one in fields.items()]


def _type(one: Mapping[str, Any]) -> str:
    if "anyOf" in one:
        return " or ".join(_type(part) for part in one["anyOf"])
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    return str(one["type"])
