"""topics.yaml: every mistake is found at load, with its place and what was probably meant."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.bootstrap.releases import pack
from sojourn.definitions.loose import compile_loose
from sojourn.definitions.loose_words import FILTERS, NAMES
from sojourn.definitions.project import find_problems
from tests.unit.project_kit import FIRST, folder
from tests.unit.topics_kit import FILE, TOPIC, one, problems, topics


def told(text: str) -> list[str]:
    """Give what is wrong as `line:column message | hint`."""
    return [f"{found.line}:{found.column} {found.message} | {found.hint}" for found in problems(text)]


def test_a_good_file_has_no_problem() -> None:
    assert told(FILE) == []
    assert told(one()) == []
    found = topics(FILE)
    assert TOPIC in found.names
    assert found.own < set(found.names)


MISTAKES: list[tuple[str, str, str]] = [
    ("unknown key", one("custumer: key\n"), "`custumer` is no key of a topic"),
    ("event at the topic", one("event: claim.filed\n"), "a list of events stands under `events`"),
    ("unknown key of an event", one(part="whenn: value.a\n"), "`whenn` is no key of an event"),
    ("unknown format", one().replace("json", "avro"), "`avro` is no format"),
    ("unknown event", one(event="claim.filled"), "did you mean `claim.filed`?"),
    ("unknown field", one(claim_no="value.no"), "`claim.documents_received` has no field `claim_no`"),
    ("misspelt field", one(complette="value.a"), "did you mean `complete`?"),
    ("missing field", one(docs=""), "`docs` is missing, which `claim.documents_received` requires"),
    ("unknown version", one(part="schema_version: 9\n"), "has no version 9"),
    ("no customer", one().replace("    customer: key\n", ""), "`customer` is missing"),
    ("no source", one().replace("    source: Other\n", ""), "`source` is missing"),
    ("no events", "topics:\n  a:\n    format: json\n", "`events` is missing in a topic"),
    ("one of our own topics", one().replace("other.topic", "cj.claim.v1"), "is a topic of our own event types"),
    ("a topic with a blank", one().replace("other.topic", "other topic"), "is no name of a topic"),
    ("nothing thought of", one(part="if: value.a\n"), "a record that none of the events takes is not thought of"),
    ("otherwise without need", one("otherwise: ignore\n"), "no record is left for `otherwise`"),
    ("unknown name", one(claim_id="valu.claim"), "did you mean `value`?"),
    ("a text without quotes", one(claim_id="open"), "a text is written \"'open'\""),
    ("cloud in json", one(claim_id="cloud.id"), "there is no `cloud`"),
    ("headers alone", one(claim_id="headers"), "write `headers['x']`"),
    ("a call", one(claim_id="days(3)"), "nothing can be called here"),
    ("a filter called", one(claim_id="lower(key)"), "write `x | lower`"),
    ("unknown filter", one(claim_id="key | uper"), "did you mean `upper`?"),
    ("filter without its value", one(claim_id="key | first"), "write `x | first(n)`"),
    ("filter with a computed value", one(claim_id="key | first(value.n)"), "takes a value that is written out"),
    ("first(0)", one(claim_id="key | first(0)"), "a number from 1 to 1,000 is wanted"),
    ("join with a number", one(claim_id="value.docs | join(3)"), "`join` takes a text"),
    ("unknown zone", one("time: value.t | instant('Asia/Shanghia')\n"), "neither a unit nor a time zone"),
    ("unknown form of a day", one("time: value.t | date('D.M.Y')\n"), "neither a form of a day nor a time zone"),
    ("unknown table", one(claim_id="key | code('reason')"), "there is no table `reason`"),
    ("unknown test", one(complete="value.a is defined"), "write `is none` or `is not none`"),
    ("== none", one(complete="value.a == none"), "write `x is none`"),
    ("two comparisons", one(complete="1 < value.a < 3"), "two comparisons in a row"),
    ("a text has no order", one(complete="key > 3"), "this is a text, but a number is wanted"),
    ("text equals number", one(complete="key == 3"), "this is a number, but a text is wanted"),
    ("in a text", one(complete="key in key"), "this is a text, but a list is wanted"),
    ("sum of texts", one(claim_id="key + key"), "this is a text, but a number is wanted"),
    ("and of texts", one(complete="key and value.a"), "this is a text, but a truth value is wanted"),
    ("a field of a text", one(claim_id="key.id"), "this is a text, but an object is wanted"),
    ("computed index", one(claim_id="value[key]"), "written out stands in brackets"),
    ("text for a list", one(docs="key"), "`docs` is a text here"),
    ("number for a truth value", one(complete="1"), "`complete` is a number here"),
    ("none for what is required", one(docs="none"), "`docs` is nothing here"),
    ("truth value for an id", one("id: key == 'a'\n"), "`id` is a truth value here"),
    ("number for a time", one("time: 3\n"), "`time` is a number here"),
    ("a condition that is a text", one("otherwise: ignore\n", "if: key\n"), "`if` is a text here"),
    ("a list for the payload", one().split("        payload")[0] + "        payload: '[key]'\n", "`payload` is a list"),
    ("source as an expression", one().replace("source: Other", "source: = headers['a'] + 1"), "a number is wanted"),
    ("no end", one(claim_id="key |"), "the condition ends too early"),
    ("two values", one(claim_id="key key"), "`key` cannot stand here"),
    ("deep", one(claim_id='"' + "(" * 60 + "key" + ")" * 60 + '"'), "nested deeper than 50 levels"),
    ("long list", one(claim_id='"[' + "1, " * 100 + '1] | join(\'\')"'), "the list has more than 100 items"),
    ("a closed list", FILE.replace("default('bank_error')", "default('bank')"), "`bank` is no value of this field"),
    ("a code out of a closed list", FILE.replace("R9: bank_error", "R9: bankerror"), "did you mean `bank_error`?"),
    ("a choice out of it", FILE.replace("value.rc | code('reason')", "('x' if value.a else 'y')"), "`x` is no value"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_told(text: str, says: str) -> None:
    assert any(says in line for line in told(text)), told(text)


def test_a_mistake_in_an_expression_has_its_column() -> None:
    text = one(claim_id="value.claim | uper")
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "uper" in one)
    assert told(text) == [f"{line}:35 there is no filter `uper` | did you mean `upper`?"]
    sourced = one().replace("source: Other", "source: =  nobody")
    assert told(sourced)[0].startswith("5:16 there is no `nobody`")


def test_an_event_behind_one_that_takes_all_is_never_reached() -> None:
    text = one() + "      - event: claim.filed\n        payload: value\n"
    assert any("those below get none" in line for line in told(text))


def test_all_mistakes_come_at_once() -> None:
    text = one("id: keyy\n", claim_id="valu.a", docs="key", complete="key + 1")
    assert len(told(text)) == 4


EXAMPLES = """
    examples:
      - {key: C1, value: '{"claim": "K-1", "docs": ["id"], "done": true}', becomes: claim.documents_received}
      - {key: C1, value: '{"claim": 7, "docs": [], "done": true}', becomes: claim.documents_received}
      - {key: C1, value: '{"claim": "K-1"}', becomes: refused}
      - {key: C1, becomes: refused}
"""


def test_examples_are_tried() -> None:
    assert told(one() + EXAMPLES) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"done": true}', '"done": 1}', "this example is `refused`, not `claim.documents_received` | payload.complete"),
        ('["id"]', '["id", 3.5]', "payload.docs: a text is wanted, not a number"),
        ('{"claim": "K-1"}', '{"claim"', "becomes"),
        ("key: C1, becomes: refused", "key: C1, becomes: ignored", "this example is `refused`, not `ignored`"),
        ('value: \'{"claim": 7', "value: 'no", "the text is not JSON"),
        ("becomes: claim.documents_received", "becomes: claim.document", "there is no event type `claim.document`"),
        ("becomes: claim.documents_received", "becomes: claim.filed", "this example is `claim.documents_received`"),
    ],
)
def test_an_example_that_is_something_else_is_told(old: str, new: str, says: str) -> None:
    text = one() + EXAMPLES.replace(old, new)
    assert any(says in line for line in told(text)) is (says != "becomes"), told(text)


def test_examples_of_events_that_are_left_out_and_of_tombstones() -> None:
    text = one("otherwise: ignore\ntombstones: ignore\n", "if: value.claim is not none\n")
    text += "    examples:\n      - {value: '{}', becomes: ignored}\n      - {key: a, becomes: ignored}\n"
    assert told(text) == []
    refusing = text.replace("otherwise: ignore", "otherwise: refuse")
    assert any("none of the events takes it" in line for line in told(refusing))


def test_the_check_of_a_project_reads_the_file_and_a_release_carries_it(tmp_path: Path) -> None:
    at = folder(tmp_path / "project", (FIRST,))
    before = pack(at)
    (at / "topics.yaml").write_text(one(docs="key"), encoding="utf-8")
    assert [(found.file, found.message) for found in find_problems(at)[1].errors] == [
        ("topics.yaml", "`docs` is a text here")
    ]
    (at / "topics.yaml").write_text(one(), encoding="utf-8")
    project, found = find_problems(at)
    assert found.errors == []
    assert project is not None
    assert list(project.topics) == ["other.topic"]
    assert pack(at).digest != before.digest


SCRAPS = [
    *"{}[]:,'\"|>#@=.()",
    "value.",
    " | first(3)",
    "headers['a']",
    "\n",
    "  ",
    "- ",
    "none",
    "9" * 19,
    "续",
    "\x00",
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_problems_and_no_crash(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([FILE, one(), one() + EXAMPLES]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(SCRAPS)) + text[at + data.draw(st.integers(0, 9)) :]
    for found in problems(text):
        assert found.line >= 1
        assert found.column >= 1
        assert found.message


DOCS = Path(__file__).parents[2] / "docs"


def test_the_how_to_shows_files_that_pass_the_check_with_their_examples() -> None:
    page = (DOCS / "how-to/read-a-foreign-topic.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(shown) == 3
    assert [told(text) for text in shown] == [[], [], []]
    assert sum(text.count("becomes:") for text in shown) == 4


def test_the_reference_has_every_name_and_filter_as_the_code_has_them() -> None:
    page = (DOCS / "reference/topics-file.md").read_text(encoding="utf-8")
    words = [*NAMES.values(), *(held.word for held in FILTERS.values())]
    rows = [f"| `{word.form}` | {word.meaning} | `{word.example}` |" for word in words]
    written = page.replace("\\|", "|").splitlines()
    assert [row for row in rows if row not in written] == []


def test_the_examples_of_the_words_are_expressions() -> None:
    for word in [*NAMES.values(), *(held.word for held in FILTERS.values())]:
        assert compile_loose(word.example, {"reason": {"51": "a"}}, cloud=True).kind
