"""A project's event types are loaded from its own folder, or the mistake is named with its line."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sojourn.core.types import DATE, DECIMAL, INSTANT, TEXT, Type, enum_of, list_of, object_of
from sojourn.definitions.catalogue import CatalogueError, load_catalogue
from sojourn.definitions.problems import DefinitionError

PROFILE = """fields:
  customer_id: {type: text}
  zone: {type: text?, format: zone}
  kind: {type: text, values: [a, b], default: a}
  size: {type: decimal, default: 1.50}
  born: {type: date, default: 2000-01-01}
roles: {id: customer_id, locale: kind}
"""
HEAD = """from typing import Literal
from sojourn.schema import Day, Event, Id, Instant, Money, Part, PartialProfile, Text, Texts
from sojourn.schema import defaulted, example, optional
"""
GOOD = """
class Inner(Part):
    left: Id = example("a")
    right: Day | None = optional()

class Paid(Event, type="premium.paid", entity="policy", topic="t.one", source="Billing", versions=(1, 2)):
    policy_id: Id = example("P-1")
    amount: Money = example("1.00")
    way: Literal["card", "cash"] = example("card")
    on: Day | None = optional("2026-03-12")
    at: Instant = example("2026-03-12T09:00:00Z")
    notes: Texts = example([])
    inner: Inner = example({"left": "x"})
    more: list[Inner] = example([{"left": "y"}])
    partial: PartialProfile = example({})
"""


def project(folder: Path, events: str, profile: str = PROFILE) -> Path:
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    (folder / "schemas/events.py").write_text(HEAD + events, encoding="utf-8")
    (folder / "schemas/profile.yaml").write_text(profile, encoding="utf-8")
    return folder


def test_annotations_become_types_of_the_language(tmp_path: Path) -> None:
    one = load_catalogue(project(tmp_path, GOOD)).types["premium.paid"]
    inner = object_of({"left": TEXT, "right": DATE.optional()})
    assert one.fields == {
        "policy_id": TEXT,
        "amount": DECIMAL,
        "way": enum_of(["card", "cash"]),
        "on": DATE.optional(),
        "at": INSTANT,
        "notes": list_of(TEXT),
        "inner": inner,
        "more": list_of(inner),
        "partial": Type("object"),
    }
    assert (one.entity, one.topic, one.source, one.versions, one.core) == (
        "policy",
        "t.one",
        "Billing",
        (1, 2),
        False,
    )


def test_objects_inside_a_payload_become_plain_and_typed(tmp_path: Path) -> None:
    one = load_catalogue(project(tmp_path, GOOD)).types["premium.paid"]
    typed = one.decode_object(dict(one.examples) | {"partial": {"size": 2, "zone": None}})
    assert typed["inner"] == {"left": "x", "right": None}
    assert typed["more"] == [{"left": "y", "right": None}]
    assert typed["partial"] == {"size": "2", "zone": None}


def test_two_folders_stand_side_by_side_and_the_same_content_gives_the_same_digest(tmp_path: Path) -> None:
    old = load_catalogue(project(tmp_path / "old", GOOD))
    new = load_catalogue(project(tmp_path / "new", GOOD.replace("policy_id", "policy_no")))
    same = load_catalogue(project(tmp_path / "same", GOOD))
    assert "policy_id" in old.types["premium.paid"].fields
    assert "policy_no" in new.types["premium.paid"].fields
    assert old.digest == same.digest != new.digest
    assert old.types["premium.paid"].decode_object(old.types["premium.paid"].examples)["policy_id"] == "P-1"


def test_a_file_that_changes_in_the_same_second_is_read_anew_and_leaves_no_cache(tmp_path: Path) -> None:
    folder = project(tmp_path, GOOD)
    load_catalogue(folder)
    project(tmp_path, GOOD.replace("P-1", "P-2"))
    assert load_catalogue(folder).types["premium.paid"].examples["policy_id"] == "P-2"
    assert sorted(path.name for path in (folder / "schemas").iterdir()) == ["events.py", "profile.yaml"]


def test_a_changed_profile_changes_the_digest(tmp_path: Path) -> None:
    first = load_catalogue(project(tmp_path, GOOD))
    second = load_catalogue(project(tmp_path, GOOD, PROFILE.replace("[a, b]", "[a, b, c]")))
    assert first.digest != second.digest


def test_defaults_of_the_profile_are_in_wire_form(tmp_path: Path) -> None:
    profile = load_catalogue(project(tmp_path, GOOD)).profile
    assert profile.defaults == {"kind": "a", "size": "1.50", "born": "2000-01-01"}


EVENT = 'class A(Event, type="{type}", entity="x", topic="t", source="s"):\n    {field}\n'
FIELD = 'a: Id = example("1")'
BAD = [
    ("raise RuntimeError('no')", "RuntimeError: no", 4),
    ("x = = 1", "SyntaxError", 4),
    ("import nothing_of_this_name", "ModuleNotFoundError", 4),
    (EVENT.format(type="Paid", field=FIELD), "no name of an event type", 4),
    (EVENT.format(type="sojourn.publish", field=FIELD), "no name of an event type", 4),
    (EVENT.format(type="a.b", field="a: Id"), "without an example: a", 4),
    (EVENT.format(type="a.b", field='a: Id = example("")'), "examples of `a.b` are not valid", 4),
    (EVENT.format(type="a.b", field="a: dict[str, int] = example({})"), "type of `a` is not one", 4),
    (EVENT.format(type="a.b", field="a: Id | int = example(1)"), "type of `a` is not one", 4),
    (EVENT.format(type="a.b", field=FIELD).replace('topic="t"', 'topic=""'), "does not say its topic", 4),
    (
        EVENT.format(type="a.b", field=FIELD) + EVENT.format(type="a.b", field=FIELD).replace("class A", "class B"),
        "declared twice",
        6,
    ),
]


@pytest.mark.parametrize(("events", "said", "line"), BAD, ids=[row[1] for row in BAD])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, events: str, said: str, line: int) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(project(tmp_path, events))
    assert said in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("schemas/events.py", line)


def test_a_folder_without_event_types_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="Give --project a folder"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{type: texd}", "`texd` is no type"),
        ("{values: [a]}", "does not say its 'type'"),
        ("{type: bool, default: maybe}", "cannot be read"),
        ("{type: consent}", "does not say its 'purposes'"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, bad: str, said: str) -> None:
    profile = PROFILE.replace("roles:", f"  wrong: {bad}\n  other: {bad}\nroles:")
    with pytest.raises(DefinitionError) as caught:
        load_catalogue(project(tmp_path, GOOD, profile))
    assert [problem.line for problem in caught.value.problems] == [7, 8]
    assert said in caught.value.problems[0].message


def test_threads_that_load_at_once_all_get_the_whole_catalogue(tmp_path: Path) -> None:
    folder = project(tmp_path, f"import time\ntime.sleep(0.2)\n{GOOD}")
    with ThreadPoolExecutor(4) as pool:
        catalogues = list(pool.map(load_catalogue, [folder] * 4))
    assert [list(one.types) for one in catalogues] == [["premium.paid"]] * 4
