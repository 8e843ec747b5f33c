"""The reference insurer's files say what the requirements say: B2, B3, W15, Q5, S22."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sojourn.core.types import Type
from sojourn.definitions.catalogue import EventType, load_catalogue
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import plain, read_file

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "spec" / "reference"
CATALOGUE = load_catalogue(ROOT)
WORDS = {
    "str": "text",
    "int": "int",
    "decimal": "decimal",
    "float": "number",
    "bool": "bool",
    "date": "date",
    "timestamp": "instant",
    "object": "object",
    "list[str]": "list",
}
# Where settled.md wins over events.yaml, or where a text is one of a closed list (Q5, Q2).
CLOSED = {"product_line", "reason_code"}


def read(path: Path) -> Any:
    problems = Problems()
    node = read_file(path, path.name, problems)
    assert node is not None
    assert not list(problems)
    return plain(node)


def reference_events() -> dict[str, Any]:
    """The reference file is a list of flow mappings; the reader wants a mapping as root."""
    text = (REFERENCE / "events.yaml").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        if line.startswith("- {type: "):
            name = line.removeprefix("- {type: ").partition(",")[0]
            entity = re.search(r"entity: ([a-z]+)", line)
            topic = re.search(r"topic: ([a-z0-9.]+)", line)
            source = re.search(r"source: (.*?), topic:", line)
            payload = re.search(r"payload: \{(.*)\}(?:, note:.*)?\}$", line)
            assert entity is not None
            assert topic is not None
            assert source is not None
            assert payload is not None
            fields = dict(re.findall(r'([a-z_]+): ("[^"]*"|[a-z\[\]]+)(?:, |$)', payload.group(1)))
            found[name] = {
                "core": "core: true" in line,
                "entity": entity.group(1),
                "topic": topic.group(1),
                "source": source.group(1),
                "payload": {field: word.strip('"') for field, word in fields.items()},
            }
    return found


EVENTS = reference_events()


def test_there_are_exactly_the_36_types_of_the_requirements() -> None:
    assert sorted(CATALOGUE.types) == sorted(EVENTS)
    assert len(EVENTS) == 36
    assert sum(one.core for one in CATALOGUE.types.values()) == sum(one["core"] for one in EVENTS.values()) == 24


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_type_is_the_one_of_the_requirements(name: str) -> None:
    one, wanted = CATALOGUE.types[name], EVENTS[name]
    assert (one.entity, one.topic, one.source, one.core) == (
        wanted["entity"],
        wanted["topic"],
        wanted["source"],
        wanted["core"],
    )
    assert list(one.fields) == list(wanted["payload"])
    for field, word in wanted["payload"].items():
        assert_type(f"{name}.{field}", one.fields[field], word, one)


def assert_type(where: str, declared: Type, word: str, one: EventType) -> None:
    absent = word.endswith(("?", "|null"))
    word = word.removesuffix("?").removesuffix("|null")
    # A field with a default is never absent for a condition (customer.deceased.revoked).
    assert declared.nullable == (absent and one.model.model_fields[where.rpartition(".")[2]].default is None), where
    if word.startswith("enum("):
        assert declared.values == tuple(word[5:-1].split(",")), where
    elif word.startswith("{"):
        assert declared.kind == "object", where
        assert declared.fields is not None
        assert list(declared.fields) == [part.strip().removesuffix("?") for part in word[1:-1].split(",")], where
    else:
        assert declared.kind == WORDS[re.split(r"[ >]", word)[0]], where
        assert declared.values is None or where.rpartition(".")[2] in CLOSED, where


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_the_examples_of_a_type_are_a_whole_valid_payload(name: str) -> None:
    one = CATALOGUE.types[name]
    assert set(one.examples) == set(one.fields)
    typed = one.decode_object(one.examples)
    assert set(typed) == set(one.fields)
    for field, declared in one.fields.items():
        assert declared.nullable or typed[field] is not None


def test_the_profile_has_the_36_fields_of_the_requirements() -> None:
    text = (REFERENCE / "profile.yaml").read_text(encoding="utf-8")
    wanted = re.findall(r"^- \{field: ([a-z_]+), type: \"?(enum\([^)]*\))?", text, re.MULTILINE)
    assert len(wanted) == 36
    declared = CATALOGUE.profile.types
    for name, values in wanted:
        assert name in declared
        assert declared[name].values == (tuple(values[5:-1].split(",")) if values else None), name


def test_product_lines_are_the_closed_list_of_q5() -> None:
    wanted = ("critical_illness", "life", "annuity", "health", "accident", "motor", "credit_card", "deposit")
    found = {name: one.fields["product_line"] for name, one in CATALOGUE.types.items() if "product_line" in one.fields}
    assert len(found) == 5
    assert {declared.values for declared in found.values()} == {wanted}


def glossary_for() -> dict[tuple[str, str], str]:
    return {
        ("payment.failed", "reason_code"): "payment_reason",
        ("claim.status_changed", "node"): "claim_node",
        ("claim.decided", "outcome"): "claim_outcome",
        ("claim.filed", "claim_type"): "claim_type",
        ("complaint.status_changed", "status"): "complaint_status",
        ("policy.maturity_instructed", "option"): "maturity_option",
        ("policy.issued", "product_line"): "product_line",
        ("policy.issued", "frequency"): "payment_frequency",
        ("recommendation.generated", "reason_code"): "recommendation_reason",
        ("customer.tier_changed", "to_tier"): "tier",
    }


@pytest.mark.parametrize(("place", "table"), glossary_for().items(), ids=lambda value: str(value))
def test_every_code_of_a_closed_list_has_words_in_both_languages(place: tuple[str, str], table: str) -> None:
    words = read(ROOT / "schemas/glossary.yaml")
    values = CATALOGUE.types[place[0]].fields[place[1]].values
    assert values is not None
    assert set(words[table]) == set(values)


def test_the_glossary_says_each_code_in_both_languages_and_no_code_is_its_own_word() -> None:
    words = read(ROOT / "schemas/glossary.yaml")
    assert set(words["claim_next"]) == set(words["claim_node"])
    assert set(words["risk_level"]) == {"1", "2", "3", "4", "5"}
    assert "in_review" in words["claim_reason"]
    assert "more_time" in words["complaint_reason"]
    for table, codes in words.items():
        for code, texts in codes.items():
            assert set(texts) == {"zh-CN", "en"}, (table, code)
            assert all(text.strip() and "_" not in text for text in texts.values()), (table, code)
            assert re.search("[\u4e00-\u9fff]", texts["zh-CN"]), (table, code)
            assert texts["en"].isascii(), (table, code)


def days_of(year: dict[str, Any]) -> set[date]:
    found: set[date] = set()
    for span in year["closed"]:
        first, last = date.fromisoformat(span["from"]), date.fromisoformat(span["to"])
        assert first <= last
        found |= {date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)}
    return found


def test_the_calendar_of_2026_is_the_official_one_w15() -> None:
    calendar = read(ROOT / "schemas/calendar.yaml")
    year = calendar["years"]["2026"]
    spans = [
        ("01-01", "01-03"),
        ("02-15", "02-23"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("06-19", "06-21"),
        ("09-25", "09-27"),
        ("10-01", "10-07"),
    ]
    assert [(one["from"][5:], one["to"][5:]) for one in year["closed"]] == spans
    working = [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]
    assert [date.fromisoformat(day) for day in year["working"]] == working
    assert all(day.weekday() >= 5 and day not in days_of(year) for day in working)
    assert {name: one["official"] for name, one in calendar["years"].items()} == {
        "2026": "true",
        "2027": "false",
        "2028": "false",
    }


def test_festivals_are_the_table_of_w15_and_closed_days() -> None:
    calendar = read(ROOT / "schemas/calendar.yaml")
    assert calendar["festivals"] == {
        "spring_festival": ["2026-02-17", "2027-02-06", "2028-01-26"],
        "dragon_boat": ["2026-06-19", "2027-06-09", "2028-05-28"],
        "mid_autumn": ["2026-09-25", "2027-09-15", "2028-10-03"],
        "national_day": ["2026-10-01", "2027-10-01", "2028-10-01"],
    }
    for days in calendar["festivals"].values():
        assert all(date.fromisoformat(day) in days_of(calendar["years"][day[:4]]) for day in days)
    assert set(read(ROOT / "schemas/glossary.yaml")["festival"]) == set(calendar["festivals"])


def test_the_six_calls_have_an_owner_and_an_example_answer_of_the_declared_fields() -> None:
    calls = read(ROOT / "schemas/calls.yaml")
    assert set(calls) == {
        "advisor.task",
        "billing.retry",
        "escalate",
        "workorder.link",
        "workorder.open",
        "complaint.fast_channel",
    }
    for name, call in calls.items():
        assert call["owner"], name
        required = {field for field, word in call["answer"].items() if not word.endswith("?")}
        assert required <= set(call["example"]) <= set(call["answer"]), name


def test_each_rule_says_since_when_it_holds_and_who_decided_it() -> None:
    rules = read(ROOT / "rules.yaml")
    parts = [part for part in rules.values() if isinstance(part, dict)] + rules["pauses"]
    assert len(parts) == 6
    for part in parts:
        assert date.fromisoformat(part["since"]) <= date(2026, 1, 1)
        assert part["source"]


def test_the_parameters_of_q2_are_there() -> None:
    found = read(ROOT / "parameters.yaml")
    assert {"offer", "offer_end", "benefit", "gift", "task", "supervisor_name", "handler"} <= set(found)
    for name, one in found.items():
        assert ("value" in one) != ({"zh", "en"} <= set(one)), name


def test_the_json_schema_of_an_event_names_every_type_and_what_it_requires() -> None:
    schema = CATALOGUE.envelope_schema()
    assert schema["properties"]["type"]["enum"] == sorted(EVENTS)
    assert len(schema["allOf"]) == 36
    paid = CATALOGUE.types["payment.received"].json_schema()
    assert paid["required"] == list(EVENTS["payment.received"]["payload"])
    assert paid["properties"]["paid_date"]["format"] == "date"
