"""schemas/profile.yaml: fields, roles, projections and derived fields, and every mistake with its place."""

from pathlib import Path
from textwrap import dedent

import pytest

from sojourn.core.book import Change, ProfileSchema
from sojourn.core.conditions import Expression, Frame
from sojourn.core.types import BOOL, DATE, DECIMAL, INSTANT, TEXT, Type, list_of, set_of
from sojourn.definitions.catalogue import load_catalogue
from sojourn.definitions.problems import Problems
from sojourn.definitions.profile import ProfileFile, read_profile
from sojourn.definitions.reader import read_file, read_text

ROOT = Path(__file__).resolve().parents[2]
EVENTS = {
    "person.changed": {"data": Type("object"), "mood": TEXT.optional(), "born": DATE},
    "case.opened": {"case_id": TEXT, "sum": DECIMAL, "kind": TEXT},
    "case.closed": {"case_id": TEXT, "outcome": TEXT},
    "person.agreed": {"purpose": TEXT, "channel": TEXT, "yes": BOOL},
    "sms.answered": {"text": TEXT.optional(), "to": TEXT},
    "line.seen": {"line": TEXT, "when": INSTANT},
    "nothing.new": {"id": TEXT},
}
BASE = """
fields:
  id: {type: text}
  zone: {type: text?, format: zone}
  tongue: {type: text, values: [zh-CN, en], default: zh-CN}
  phone: {type: text?}
  phone_ok: {type: bool, default: true}
  silent: {type: bool, default: false}
  dead: {type: bool, default: false}
  generic: {type: bool, default: false}
  born: {type: date?}
  consent: {type: consent, purposes: [marketing], channels: [sms]}
  mood: {type: text?}
  cases: {type: set, item: text, default: []}
  files: {type: list, item: {case_id: text, sum: decimal?, closed: bool?}, default: []}
  seen_at: {type: map, item: instant, default: {}}
roles:
  id: id
  zone: zone
  locale: tongue
  addresses: {sms: {address: phone, valid: phone_ok}}
  consent: consent
  do_not_contact: silent
  deceased: dead
  personalisation_opt_out: generic
  birth_date: born
  personal: [phone, born]
"""


def parse(text: str) -> tuple[ProfileFile | None, list[str]]:
    """Read a profile and give it with its problems as `line:column message`."""
    problems = Problems()
    node = read_text(dedent(text).lstrip("\n"), "schemas/profile.yaml", problems)
    assert node is not None
    found = read_profile(node, EVENTS, problems)
    return found, [f"{one.line}:{one.column} {one.message}" for one in problems.errors]


def schema(more: str = "") -> ProfileSchema:
    """Give the schema of the base with more sections, which must be without a mistake."""
    found, problems = parse(BASE + dedent(more))
    assert problems == []
    assert found is not None
    return found.schema


def only(projections: ProfileSchema, event: str) -> Change:
    """Give the only change that an event makes."""
    ((_, (change,)),) = projections.by_event[event]
    return change


def value(thing: object, **frame: object) -> object:
    """Compute an argument of a change."""
    assert isinstance(thing, Expression)
    return thing(Frame(**frame))  # type: ignore[arg-type]


def test_types_and_defaults_are_what_the_file_declares() -> None:
    found = schema()
    assert found.types["tongue"] == Type("text", values=("zh-CN", "en"))
    assert found.types["cases"] == set_of(TEXT)
    assert found.types["files"].item == Type(
        "object", fields={"case_id": TEXT, "sum": DECIMAL.optional(), "closed": BOOL.optional()}
    )
    assert found.defaults["phone_ok"] is True
    assert found.defaults["cases"] == []
    assert "mood" not in found.defaults


def test_consents_are_no_field_that_a_condition_reads() -> None:
    assert "consent" not in schema().types


def test_roles_name_the_fields_that_the_rules_need() -> None:
    roles = schema().roles
    assert (roles.zone, roles.locale, roles.birth_date) == ("zone", "tongue", "born")
    assert dict(roles.addresses) == {"sms": "phone"}
    assert dict(roles.valid) == {"sms": "phone_ok"}


def test_personal_fields_and_the_id_are_told_apart() -> None:
    found, _ = parse(BASE)
    assert found is not None
    assert found.personal == {"phone", "born"}
    assert found.id_field == "id"


def test_merge_names_the_payload_field_that_holds_a_partial_profile() -> None:
    change = only(schema("projections: {all: {on: {person.changed: {merge: data}}}}"), "person.changed")
    assert (change.do, change.args, change.final) == ("merge", {"field": "data"}, False)


def test_set_computes_the_new_value_from_the_event() -> None:
    change = only(schema("projections: {m: {on: {person.changed: {set: {mood: event.mood}}}}}"), "person.changed")
    assert change.do == "set"
    assert value(change.args["mood"], event={"mood": "calm"}) == "calm"


def test_consent_takes_purpose_channel_and_answer_as_expressions() -> None:
    text = """
    projections:
      c: {on: {person.agreed: {consent: {purpose: event.purpose, channel: "'sms'", granted: event.yes}}}}
    """
    change = only(schema(text), "person.agreed")
    event = {"purpose": "all", "channel": "email", "yes": False}
    got = [value(change.args[name], event=event) for name in ("purpose", "channel", "granted")]
    assert got == ["all", "sms", False]


def test_a_set_is_kept_by_its_key_and_remove_is_always_final() -> None:
    found = schema("projections: {cases: {by: case_id, on: {case.opened: add, case.closed: remove}}}")
    assert only(found, "case.opened") == Change("add", None, {}, False)
    assert only(found, "case.closed") == Change("remove", None, {}, True)


def test_a_change_may_depend_on_a_condition() -> None:
    text = """
    projections:
      cases: {by: case_id, on: {case.closed: {if: event.outcome == 'no', do: remove}}}
    """
    change = only(schema(text), "case.closed")
    assert value(change.condition, event={"outcome": "no"}) is True
    assert value(change.condition, event={"outcome": "yes"}) is False


def test_items_of_a_list_are_added_and_changed_with_their_old_values_at_hand() -> None:
    text = """
    projections:
      files:
        by: case_id
        on:
          case.opened: {add: {sum: event.sum}}
          case.closed: {change: {sum: item.sum, closed: "true"}, final: true}
    """
    found = schema(text)
    assert only(found, "case.opened").do == "add"
    change = only(found, "case.closed")
    assert change.final
    assert str(value(change.args["sum"], event={}, item={"sum": "2.50"})) == "2.50"


def test_put_keeps_a_value_by_key() -> None:
    change = only(schema("projections: {seen_at: {by: line, on: {line.seen: {put: now}}}}"), "line.seen")
    assert (change.do, value(change.args["value"], now=5)) == ("put", 5)


def test_words_of_a_withdrawal_are_compared_in_capitals() -> None:
    text = """
    projections:
      reach: {on: {sms.answered: {withdraw: {channel: sms, words: [stop, 退订], reply: event.text, message: event.to}}}}
    """
    change = only(schema(text), "sms.answered")
    assert change.args["words"] == ("STOP", "退订")
    assert change.args["channel"] == "sms"
    assert value(change.args["reply"], event={"text": None}) is None


def test_several_changes_of_one_event_stand_in_a_list_and_keep_their_order() -> None:
    text = """
    projections:
      m:
        on:
          case.closed:
            - {if: event.outcome == 'a', set: {mood: "'glad'"}}
            - {if: event.outcome == 'b', set: {mood: "'sad'"}}
    """
    ((_, changes),) = schema(text).by_event["case.closed"]
    assert [value(one.args["mood"]) for one in changes] == ["glad", "sad"]


def test_derived_fields_choose_search_lists_and_count_years() -> None:
    text = """
    derived:
      any_open: {any: files, if: item.closed is none}
      age: {years_since: born}
      quiet: {value: customer.silent or customer.dead}
    """
    found = schema(text)
    assert found.types["any_open"] == BOOL
    assert found.types["age"] == Type("int", nullable=True)
    assert found.derived["any_open"].any_of == "files"
    assert value(found.derived["quiet"].otherwise, customer={"silent": False, "dead": True}) is True
    age = found.derived["age"].otherwise
    assert value(age, customer={"born": None}) is None
    assert value(age, customer={"born": "2000-03-02"}, now=1_772_409_600_000, zone="UTC") == 26


def test_a_derived_field_stands_behind_those_that_it_reads() -> None:
    text = """
    derived:
      second: {value: customer.first}
      first: {any: files, if: item.closed is none}
    """
    assert list(schema(text).derived) == ["first", "second"]


def test_the_reference_profile_is_read_without_a_mistake() -> None:
    problems = Problems()
    node = read_file(ROOT / "schemas/profile.yaml", "schemas/profile.yaml", problems)
    assert node is not None
    found = read_profile(node, load_catalogue(ROOT).fields, problems)
    assert list(problems) == []
    assert found is not None
    assert found.schema.types["aum_cny"] == DECIMAL.optional()
    assert found.schema.types["tags"] == set_of(TEXT)
    assert found.schema.types["policies"].kind == list_of(TEXT).kind
    assert {"in_free_look", "lifecycle_stage", "age"} <= set(found.schema.derived)
    assert [one.name for one, _ in found.schema.by_event["complaint.resolved"]] == [
        "open_complaints",
        "complaint_pause",
    ]


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("{type: text?, format: zone}", "{type: txt}", "`txt` is no type"),
        (
            "{type: bool, default: true}",
            "{type: bool, default: yes}",
            "`yes` is not true or false; write true or false",
        ),
        ("{type: set, item: text, default: []}", "{type: set}", "a set without `item`"),
        ("{type: set, item: text, default: []}", "{type: set, item: {a: text}}", "a set holds plain values only"),
        ("{type: date?}", "{type: date?, item: text}", "`item` stands beside a type that holds nothing"),
        ("{type: date?}", "{type: date?, values: [a]}", "`values` stand beside a type that is no text"),
        ("birth_date: born", "birth_date: mood", "`mood` is a text that may be absent"),
        ("birth_date: born", "birth_date: bron", "the profile has no field `bron`"),
        ("zone: zone", "zone: zone\n  zones: zone", "`zones` is no key of the roles"),
        ("valid: phone_ok", "valid: phone", "`phone` is a text that may be absent"),
    ],
)
def test_mistakes_in_fields_and_roles(wrong: str, right: str, message: str) -> None:
    assert wrong in BASE
    _, problems = parse(BASE.replace(wrong, right))
    assert any(message in one for one in problems), problems


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("projections: {m: {on: {case.opend: {set: {mood: event.kind}}}}}", "there is no event type `case.opend`"),
        ("projections: {m: {on: {case.opened: {set: {moods: event.kind}}}}}", "there is no field `moods`"),
        ("projections: {m: {on: {case.opened: {set: {mood: event.knd}}}}}", "no field `knd`"),
        ("projections: {m: {on: {case.opened: {set: {mood: event.sum}}}}}", "this is an exact decimal"),
        ("projections: {m: {on: {case.opened: {merge: data}}}}", "this event has no field `data`"),
        ("projections: {mood: {by: kind, on: {case.opened: add}}}", "`add` needs a collection, and `mood` is none"),
        ("projections: {cases: {on: {case.opened: add}}}", "`cases` does not say `by`"),
        ("projections: {cases: {by: line, on: {case.opened: add}}}", "this event has no field `line`"),
        ("projections: {cases: {by: case_id, on: {case.opened: {put: now}}}}", "`put` needs a collection"),
        ("projections: {cases: {by: case_id, on: {case.opened: {if: 'true'}}}}", "nothing says what changes"),
        (
            "projections: {cases: {by: case_id, on: {case.opened: {do: add, merge: data}}}}",
            "`do` and `merge` says what changes",
        ),
        ("projections: {cases: {by: case_id, on: {case.opened: drop}}}", "`drop` is no change"),
        ("derived: {a: {value: customer.b}, b: {value: customer.a}}", "in a ring: a -> b -> a"),
        ("derived: {a: {any: cases, if: 'true'}}", "`cases` is no list of objects"),
        ("derived: {a: {years_since: mood}}", "`mood` is no date of the profile"),
        ("derived: {a: {any: files}}", "`any` needs a condition"),
        ("derived: {a: {choose: [{if: customer.silent, value: 'true'}]}}", "no branch may hold"),
        (
            "derived: {a: {choose: [{otherwise: 'true'}, {if: customer.silent, value: 'true'}]}}",
            "`otherwise` stands alone",
        ),
        ("derived: {a: {value: 'true', years_since: born}}", "2 ways to derive stand here"),
        ("derived: {a: {}}", "no way to derive stands here"),
    ],
)
def test_mistakes_in_projections_and_derived_fields(section: str, message: str) -> None:
    _, problems = parse(BASE + section)
    assert any(message in one for one in problems), problems


def test_all_mistakes_come_at_once_with_their_places() -> None:
    text = BASE.replace("birth_date: born", "birth_date: bron") + (
        "projections:\n  m: {on: {case.opened: {set: {mood: event.knd}}}}\nderived:\n  a: {years_since: mood}\n"
    )
    found, problems = parse(text)
    assert [one.split(" ")[0] for one in problems] == ["25:15", "28:44", "30:20"]
    assert found is not None


def test_without_fields_or_roles_there_is_no_profile() -> None:
    found, problems = parse("fields:\n  a: {type: text}\n")
    assert found is None
    assert problems == ["1:1 `roles` is missing in the profile"]
