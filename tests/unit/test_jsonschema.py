"""The JSON Schema of a journey file says what the parser says (both come from one grammar)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.definitions.journey import parse_journey
from sojourn.definitions.jsonschema import journey_schema
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping, read_text
from tests.unit.draft7 import as_core, is_valid
from tests.unit.language_kit import FLOW, journey, steps
from tests.unit.test_language import FORK, REACT

PROJECT = Path(__file__).parents[2]
SCHEMA = journey_schema()

GOOD = [
    FLOW,
    FORK,
    REACT,
    "start: [{when: bill.due, if: event.number > 1}, {when: [bill.paid, {when: bill.moved, if: event.number > 1}]}]"
    + FLOW,
    "start: {when: birthday, at: 09:00}\nkey: [year]" + FLOW,
    "start: {silent: visit.made, for: 180 days, by: line}" + FLOW,
    "start: {times: 3, of: visit.made, within: 7 days, by: line, and_no: policy.sold}" + FLOW,
    "start: {becomes: customer.tags}\nkey: []" + FLOW,
    "again: {after: 60 days, per: customer}" + FLOW,
    "facts: {a: event.number, b: {type: date}, c: {type: text?, value: event.reason, optional: true}}" + FLOW,
    "params: {a: {type: int, value: 1}, b: {type: text, zh: 一, en: one}}" + FLOW,
    "start: [{when: a.b, if: event.n > 1}, {when: [a.c, {when: a.d, if: event.n > 1}]}]" + FLOW,
    "schedule: [{id: t, at: d 09:00, call: task, with: {type: call}, touch: true, catch_up: 24 hours}]",
    steps("- {wait: 2 business days}", "- {wait_until: 2 days later 10:00}", "- {wait_until: 1 day after d 09:00}"),
    steps("- {id: a, send: x, by: sms, with: {code: 0012, rate: 1.10, w: {zh: 一, en: 2}}}", "- {set: {a: 1}}"),
    steps("- {call: a.b, save: {x: answer.y}, within: 10 minutes, otherwise: [{end: x}]}"),
    steps("- experiment: e", "  metric: m", "  arms: {a: {percent: 50, do: [{end: x}]}, b: {percent: 50}}"),
    "deadlines: [{id: d, after: 3 days, since: [a.b], stop: c.d, rest: {from: a.b, until: c.d}, do: [{end: x}]}]",
    "goal: [{when: a.b, do: [{set: {x: 1}}]}, {becomes: customer.tags}]\nexit: {when: c.d, because: x}" + FLOW,
    "pause: {classes: [care], until: 14 days after end}\nnot_while: customer.tags\npersonalised: false" + FLOW,
    "control: {percent: 10, name: x}\nlimit: 2000 per hour\nexpire: 3 days after d\nfinish: after t" + FLOW,
    "promises: [never send x]\nvalid_for: 2 days\ncatch_up: 1 hour\non_cap: drop\nurgent: true" + FLOW,
    "review_by: 2027-01-31\nmetric: 5\nguardrail: less" + FLOW,
]
BAD = [
    "stage: served" + FLOW,
    "surprise: 1" + FLOW,
    "name: {zh: 一}" + FLOW,
    "name: one" + FLOW,
    "priority: 101" + FLOW,
    "priority: '50'" + FLOW,
    "priority: 5.5" + FLOW,
    "urgent: yes" + FLOW,
    "urgent: 'true'" + FLOW,
    "urgent: 1" + FLOW,
    "metric:" + FLOW,
    "metric: null" + FLOW,
    "metric: [a]" + FLOW,
    "key: policy_id" + FLOW,
    "key: [Policy]" + FLOW,
    "start: bill.due" + FLOW,
    "start: {if: x}" + FLOW,
    "start: {when: bill.due, becomes: x}" + FLOW,
    "start: {when: birthday, at: 9:00}" + FLOW,
    "start: {times: 1, of: a.b, within: 7 days, by: x}" + FLOW,
    "again: sometimes" + FLOW,
    "again: {per: customer}" + FLOW,
    "flow: []",
    steps("- {send: x, by: sms}"),
    steps("- {id: a, send: x, by: fax}"),
    steps("- {id: a, send: x, by: {first_of: [sms]}}"),
    steps("- {id: a, send: x, by: []}"),
    steps("- {id: a, send: x, by: sms, then: [{end: x}]}"),
    steps("- {id: a, send: x, by: sms, wait: 1 day}"),
    steps("- {id: a, send: x, by: sms, with: {a: [b]}}"),
    steps("- {wait: P3D}"),
    steps("- {wait: 3 dyas}"),
    steps("- {wait: 3}"),
    steps("- {wait_until: 10:00}"),
    steps("- {choose: [{if: x}]}"),
    steps("- {choose: [{otherwise: [{end: x}], if: y}]}"),
    steps("- experiment: e", "  metric: m", "  arms: {a: {percent: 50}}"),
    steps("- {set: {}}"),
    steps("- just a text"),
    "schedule: [{id: t, send: x, by: sms}]",
    "schedule: [{id: t, at: 3 hours before d 09:00, send: x, by: sms}]",
    "goal: {when: a.b, do: [{wait: 1 day}]}" + FLOW,
    "goal: {when: a.b, do: [{choose: [{otherwise: [{end: x}]}]}]}" + FLOW,
    "exit: {when: a.b}" + FLOW,
    "deadlines: [{id: d, since: a.b, do: [{end: x}]}]",
    "pause: {classes: [mandatory], until: 14 days after end}" + FLOW,
    "limit: 2000 per week" + FLOW,
    "control: {percent: 0}" + FLOW,
    "finish: t" + FLOW,
    "expire: 75 days" + FLOW,
]


def both(text: str) -> tuple[bool, bool]:
    """Give what the parser and the schema say of a file."""
    problems = Problems()
    root = read_text(text, "journeys/j.yaml", problems)
    assert isinstance(root, Mapping)
    parse_journey(root, "journeys/j.yaml", problems)
    return not problems.errors, is_valid(SCHEMA, as_core(root))


@pytest.mark.parametrize("body", GOOD)
def test_parser_and_schema_take_the_same_files(body: str) -> None:
    assert both(journey(body)) == (True, True)


@pytest.mark.parametrize("body", BAD)
def test_parser_and_schema_refuse_the_same_files(body: str) -> None:
    assert both(journey(body)) == (False, False)


@pytest.mark.parametrize("word", ["name", "stage", "class", "priority", "start", "key", "again", "journey"])
def test_both_ask_for_the_required_words(word: str) -> None:
    assert both(journey(FLOW, without=word)) == (False, False)


def test_the_journeys_of_the_reference_insurer_fit_both() -> None:
    files = [file for file in sorted(PROJECT.glob("journeys/*.yaml")) if not file.name.endswith(".test.yaml")]
    assert len(files) == 16
    for file in files:
        problems = Problems()
        root = read_text(file.read_text("utf-8"), f"journeys/{file.name}", problems)
        assert root is not None
        parse_journey(root, f"journeys/{file.name}", problems)
        assert (list(problems), is_valid(SCHEMA, as_core(root))) == ([], True)


def test_each_key_has_a_description_that_an_editor_shows() -> None:
    found = list(_keys(SCHEMA))
    assert len(found) > 100
    assert [key for key, schema in found if not schema.get("description")] == []


def test_the_schema_is_draft_07_and_refers_to_what_it_defines() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    named = {ref.removeprefix("#/definitions/") for ref in _refs(SCHEMA)}
    assert named == set(SCHEMA["definitions"])


def _keys(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for word, said in schema.items():
            if word == "properties":
                yield from said.items()
            yield from _keys(said)
    elif isinstance(schema, list):
        for one in schema:
            yield from _keys(one)


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for said in schema.values():
            yield from _refs(said)
    elif isinstance(schema, list):
        for one in schema:
            yield from _refs(one)
