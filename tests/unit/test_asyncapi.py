"""The AsyncAPI document says what the catalogue and the output records say, and is one."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from sojourn import __version__
from sojourn.cli.app import app
from sojourn.core.model import Note, Row
from sojourn.definitions.asyncapi import asyncapi, topic_schemas
from sojourn.definitions.catalogue import load_catalogue
from sojourn.outputs import TOPICS, records_of, records_of_letters
from sojourn.records import DeadLetter
from tests.unit.asyncapi3 import fits, problems, schema_problems

PROJECT = Path(__file__).parents[2]
CATALOGUE = load_catalogue(PROJECT)
DOCUMENT = asyncapi(CATALOGUE, __version__)
SCHEMAS = topic_schemas(CATALOGUE)


def test_the_document_is_asyncapi_3() -> None:
    assert problems(DOCUMENT) == []


def test_every_topic_is_a_channel_with_an_operation_of_the_right_direction() -> None:
    outputs = {one.name for one in TOPICS}
    assert set(DOCUMENT["channels"]) == set(CATALOGUE.topics) | outputs
    for operation in DOCUMENT["operations"].values():
        topic = operation["channel"]["$ref"].removeprefix("#/channels/")
        assert operation["action"] == ("send" if topic in outputs else "receive")


def test_the_page_is_as_the_code_writes_it() -> None:
    page = (PROJECT / "docs" / "reference" / "asyncapi.json").read_text(encoding="utf-8")
    assert json.loads(page) == DOCUMENT, "run: sojourn schema asyncapi > docs/reference/asyncapi.json"


@pytest.mark.parametrize("topic", sorted(SCHEMAS))
def test_each_topic_has_a_draft_07_schema_that_stands_alone(topic: str) -> None:
    schema = SCHEMAS[topic]
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema_problems(schema, topic) == []
    assert "#/components" not in json.dumps(schema)


@pytest.mark.parametrize("name", sorted(CATALOGUE.types))
def test_the_examples_of_an_event_fit_the_schema_of_its_topic(name: str) -> None:
    one = CATALOGUE.types[name]
    payload = {field: value for field, value in one.examples.items() if value is not None}
    event = _event(name, payload)
    schema = SCHEMAS[one.topic]
    assert fits(schema, event, schema)
    assert not fits(schema, event | {"customer_id": ""}, schema)
    assert not fits(schema, event | {"type": "nobody.declared"}, schema)


def test_a_payload_with_a_value_of_another_type_does_not_fit() -> None:
    one = CATALOGUE.types["policy.issued"]
    wrong = _event(one.name, dict(one.examples) | {"term_months": "many"})
    schema = SCHEMAS[one.topic]
    assert not fits(schema, wrong, schema)


def test_what_goes_out_fits_the_schema_of_its_topic() -> None:
    row = Row(
        message_id="m1", customer_id="C-1", journey="renewal", journey_version=1, key={"policy_id": "P-1"},
        step="first", template="tasks.open", template_version=None, locale=None, channel="call", status="failed",
        reason="provider_refused", due_at=1_780_000_000_000, decided_at=1_780_000_000_000, run_id="r1",
        detail={"code": "404"},
    )  # fmt: skip
    notes = [
        ("C-1", Note(kind="started", journey="renewal", key={"policy_id": "P-1"}, run_id="r1", version=1)),
        ("C-1", Note(kind="ended", journey="renewal", run_id="r1", cause="goal")),
        ("C-1", Note(kind="arm", journey="renewal", run_id="r1", cause="tone:warm", version=1)),
    ]
    letter = DeadLetter(source="http", arrival=0, reason="bad_json", detail="no", raw=b"{")
    records = [*records_of([row], notes, 1_780_000_000_000), *records_of_letters([letter])]
    assert {record.topic for record in records} == {one.name for one in TOPICS}
    for record in records:
        schema = SCHEMAS[record.topic]
        value = msgspec.json.decode(record.body)
        assert fits(schema, value, schema), value
        for word in value:
            assert not fits(schema, {name: held for name, held in value.items() if name != word}, schema), word


BREAKS: dict[str, tuple[str, ...]] = {
    "a word that nobody knows": ("components", "messages", "policy.issued", "surprise"),
    "a version of before": ("asyncapi",),
    "an operation on another channel": ("operations", "send.cj.webhook.v1", "channel", "$ref"),
    "a payload that is nowhere": ("components", "messages", "policy.issued", "payload", "$ref"),
    "a word of a later draft": ("components", "schemas", "policy.issued", "prefixItems"),
}


@pytest.mark.parametrize("path", BREAKS.values(), ids=BREAKS)
def test_the_judge_sees_a_broken_document(path: tuple[str, ...]) -> None:
    broken: Any = deepcopy(DOCUMENT)
    part = broken
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = "#/channels/cj.none.v1"
    assert problems(broken)


@pytest.mark.parametrize(("what", "expected"), [("asyncapi", DOCUMENT), ("topics", SCHEMAS)])
def test_the_command_prints_it(what: str, expected: dict[str, Any]) -> None:
    done = CliRunner().invoke(app, ["schema", what, "--project", str(PROJECT)])
    assert (done.exit_code, json.loads(done.stdout)) == (0, expected)


def _event(name: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": "E-1",
        "type": name,
        "occurred_at": "2026-06-03T08:30:18+08:00",
        "source": "test",
        "customer_id": "C-1",
        "payload": payload,
    }
