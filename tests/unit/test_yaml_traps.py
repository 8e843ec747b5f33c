"""Each known trap of YAML has an error text of its own (language.md, principle 5)."""

import pytest

from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import read_text
from tests.unit.language_kit import FLOW, compile_text, errors, good, journey, steps


def first(body: str) -> str:
    return errors(body)[0]


TRAPS = [
    # what people write, what they are told
    ("flow:\n\t- x", "a tab stands here"),
    ("priority: 1\npriority: 2" + FLOW, "`priority` stands twice | the first is on line 9; keep one"),
    ("flow: &steps\n  - {id: a, send: hello, by: sms}", "an anchor (`&`) stands here"),
    ("flow: *steps", "an alias (`*`) stands here"),
    ("metric: !!str x" + FLOW, "a tag (`!!str`) stands here"),
    ("<<: {a: 1}" + FLOW, "a merge key (`<<`) stands here"),
    (FLOW + "---\na: 1", "a second document begins here"),
    (
        steps("- {id: a, send: hello, by: sms, if: number in (1, 2)}"),
        "a comma cuts a text in two before `2)` | put the whole text in quotes, or write the item as a block",
    ),
    (
        steps("- {id: a, send: hello, by: sms, if: policy_id in ['a', 'b']}"),
        "`[` stands inside a text within {...} | put the text in quotes, or write the item as a block, one key a line",
    ),
    (steps("- {id: a, send: hello, by: sms, if: x ? 1: 2}"), "a second `: ` stands in one text within {...}"),
    ("name: {zh: 一, en: Need alert: three}" + FLOW, "a second `: ` stands in one text within {...}"),
    ("metric: rate: 5" + FLOW, "a second `: ` stands in one line | put a text that holds `: ` in quotes"),
    (
        "exit:\n  - becomes: 'vip' in customer.tags\n    because: vip" + FLOW,
        "text stands after a closing quote | a text that begins with a quote mark must be quoted as a whole",
    ),
    (steps("- {id: a, send: hello, by:sms}"), "a space is missing after `by:` | write `by: sms`"),
    (steps("- {id: a, send: hello, by: }"), "`by` has no value | write one, or delete the key"),
    ("metric: @home" + FLOW, "`@` cannot begin a text | put the text in quotes"),
    ("flow:\n  - id: a\n   send: hello", "the indentation does not fit the lines above"),
    ("flow: - a", "`- ` stands behind a key | begin the list on the next line"),
    ("flow:\n  - {id: a, send: hello", "`{` or `[` is opened and not closed"),
    ("metric: 'open" + FLOW, "a quote mark is opened and not closed"),
    ("metric: null" + FLOW, "`null` is no text | leave the key out, or put the text in quotes"),
    ("metric: ~" + FLOW, "`~` is no text"),
    ("metric:" + FLOW, "nothing stands where a text must"),
    ("urgent: yes" + FLOW, "`yes` is no truth value here | write true without quotes"),
    ("urgent: on" + FLOW, "`on` is no truth value here | write true without quotes"),
    ("urgent: off" + FLOW, "`off` is no truth value here | write false without quotes"),
    ("urgent: no" + FLOW, "`no` is no truth value here | write false without quotes"),
    ("urgent: True" + FLOW, "`True` is no truth value here | write true without quotes"),
    ("urgent: 'true'" + FLOW, "`true` is no truth value here | write true without quotes"),
    ("urgent: 1" + FLOW, "`1` is no truth value | write true or false"),
    ("priority: 050" + FLOW, "`050` is no whole number"),
    ("priority: 5e1" + FLOW, "`5e1` is no whole number"),
    ("priority: 50.0" + FLOW, "`50.0` is no whole number"),
    ("priority: '50'" + FLOW, "`50` is no whole number | a whole number from 0 to 100, digits only and without quotes"),
    ("priority: 0x32" + FLOW, "`0x32` is no whole number"),
    ("priority: 101" + FLOW, "101 is out of range | a whole number from 0 to 100"),
    ("start: {when: birthday, at: 9:00}\nkey: [year]" + FLOW, "`9:00` is no time of day | write 09:00"),
    ("start: {when: birthday, at: 24:00}\nkey: [year]" + FLOW, "`24:00` is no time of day"),
    ("start: {when: birthday, at: 09:00:00}\nkey: [year]" + FLOW, "`09:00:00` is no time of day"),
    (steps("- wait: P3D"), "`P3D` is ISO 8601, which is not a second way | write it as 3 days"),
    (steps("- wait: PT24H"), "`PT24H` is ISO 8601, which is not a second way | write it as 24 hours"),
    (steps("- wait: 3 dyas"), "`dyas` is no unit of time | did you mean `days`?"),
    (steps("- wait: 3"), "`3` is no duration | write a count and a unit, as 3 days or 36 hours"),
    (steps("- wait: 0 days"), "a duration of nothing stands here"),
    (steps("- wait: 03 days"), "`03` begins with a 0 | write 3 days"),
    (steps("- wait: 1.5 hours"), "`1.5 hours` is no duration"),
    (steps("- wait: 200000 days"), "`200000 days` is longer than the engine plans ahead"),
    ("review_by: 2026-02-30" + FLOW, "`2026-02-30` is not a date"),
    (
        steps("- {id: a, send: hello, by: sms, with: {x: =number}}"),
        "a text begins with `=` | write `= number` for an expression",
    ),
    ("on: {when: bill.paid}" + FLOW, "`on` is no key of a journey | write `when` or `react`"),
]


@pytest.mark.parametrize(("body", "said"), TRAPS, ids=[said[:50] for _, said in TRAPS])
def test_a_trap_has_an_error_text_of_its_own(body: str, said: str) -> None:
    assert first(body).startswith(said)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0012", "0012"), ("1.10", "1.10"), ("12e4567", "12e4567"), ("yes", "yes"), ("2026-03-31", "2026-03-31")],
)
def test_a_text_is_sent_as_it_was_written(text: str, value: str) -> None:
    node = good(steps(f"- {{id: a, send: hello, by: sms, with: {{code: {text}}}}}")).journey.nodes["a"]
    assert node.values == {"code": value}  # type: ignore[attr-defined]


def test_digits_compare_as_the_type_of_the_field_says() -> None:
    body = "start: {when: bill.due, if: event.policy_id == '0012'}" + FLOW
    assert good(body).journey.starts[0].events[0].condition.text == "event.policy_id == '0012'"  # type: ignore[union-attr]


def test_a_mistake_in_a_condition_is_shown_at_its_place_in_the_file() -> None:
    body = steps("- id: a", "  send: hello", "  by: sms", "  if: >-", "    number > 1 and", "    policy_idd == 'x'")
    _, problems = compile_text(journey(body))
    (problem,) = problems
    assert problem.source_line[problem.column - 1 :].startswith("policy_idd")
    assert problem.message == "`policy_idd` is not known here"
    assert problem.hint == "did you mean `policy_id`?"


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    body = """
        stage: served
        prio: 5
        start: {when: bill.deu, if: event.numbr > 1}
        flow:
          - {id: a, send: helo, by: smms}
          - wait: 3 dyas
          - {call: tusk}
          - end: x
          - {id: b, send: hello, by: sms}
    """
    found = "\n".join(errors(body))
    for said in ("`served` is no stage", "`prio` is no key", "no event type `bill.deu`", "no template `helo`",
                 "`smms` is no channel", "`dyas` is no unit", "no call `tusk`", "never reached"):  # fmt: skip
        assert said in found
    assert "numbr" not in found  # what hangs on a misspelt event is not judged: no noise


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        pytest.param("a: 1\nb:\n\n\nc: 3\n", 2, 1, "", id="no value: its own key, not the next"),
        pytest.param("a: {x: 1, y: 2\nstage: serve\n", 1, 4, "`{` or `[` is opened and not closed", id="open {"),
        pytest.param("a: [x, y\n", 1, 4, "`{` or `[` is opened and not closed", id="open [ to the end"),
        pytest.param('a: "x\nb: c\n', 1, 4, "a quote mark is opened and not closed", id="open quote"),
        pytest.param("a:\n  b: 1\n   c: 2\n", 3, 5, "the indentation does not fit the lines above", id="deeper"),
        pytest.param("a: b: c\n", 1, 5, "a second `: ` stands in one line", id="second colon"),
    ],
)
def test_the_place_is_where_a_person_would_look(text: str, line: int, column: int, message: str) -> None:
    problems = Problems()
    root = read_text(text, "journeys/x.yaml", problems)
    if message:
        (found,) = problems.errors
        assert (found.line, found.column, found.message) == (line, column, message)
    else:
        assert root is not None
        value = root.get("b")
        assert value is not None
        assert (value.place.line, value.place.column) == (line, column)
