"""Mistakes in a condition: all of them, each with its place, its reason and what was probably meant."""

import pickle

import pytest

from sojourn.core.conditions import ConditionError, Problem, Scope, compile_condition, compile_expression
from sojourn.core.nearest import did_you_mean, nearest
from sojourn.core.types import (
    BOOL,
    DATE,
    DECIMAL,
    INSTANT,
    INT,
    NUMBER,
    TEXT,
    Type,
    enum_of,
    list_of,
    map_of,
    object_of,
    set_of,
)

SCOPE = Scope(
    event={
        "installment_no": INT,
        "amount": DECIMAL,
        "score": NUMBER,
        "prev": NUMBER.optional(),
        "due": DATE,
        "met": INSTANT,
        "status": enum_of(("done", "open")),
        "only": enum_of(("done",)),
        "docs": list_of(TEXT),
        "maybe": list_of(TEXT).optional(),
        "complete": BOOL,
        "revoked": BOOL.optional(),
        "shape": object_of({"a": INT}),
    },
    customer={
        "tier": enum_of(("basic", "growth")),
        "tags": set_of(TEXT),
        "seen": map_of(INT),
        "risk": INT.optional(),
    },
    facts={"due_date": DATE, "frequency": TEXT},
    params={"threshold": NUMBER},
    steps=frozenset({"t30"}),
    glossary={"reason": ("in_review",)},
)


@pytest.mark.parametrize(
    ("text", "offset", "message", "hint"),
    [
        # names
        ("event.instalment_no >= 2", 6, "no field `instalment_no`", "did you mean `event.installment_no`?"),
        ("customer.teir == 'basic'", 9, "no field `teir`", "did you mean `customer.tier`?"),
        ("true and customer.due == today", 18, "no field `due`", "did you mean `event.due`?"),
        ("installment_no >= 2", 0, "`installment_no` is not known", "did you mean `event.installment_no`?"),
        ("tier == 'basic'", 0, "`tier` is not known", "did you mean `customer.tier`?"),
        ("threshold > 1", 0, "`threshold` is not known", "did you mean `param.threshold`?"),
        ("event.due_date == today", 6, "no field `due_date`", "did you mean `due_date`?"),
        ("dueDate == today", 0, "`dueDate` is not known", "did you mean `due_date`?"),
        ("profile.tier == 'basic'", 0, "`profile` is not known", "did you mean `customer.`?"),
        ("evnt.due == today", 0, "`evnt` is not known", "did you mean `event`?"),
        ("zzz.due == today", 0, "`zzz` is not known", "fields stand below"),
        ("event == 1", 0, "`event` alone is no value", "event.x"),
        ("due_date.year == 2026", 0, "nothing lies below `due_date`", "only the declared names"),
        ("event.due.year == 2026", 9, "nothing lies below `event.due`", "fields have no fields"),
        ("run.state == 'x'", 4, "`run.state` does not exist", "`run.id`"),
        ("before.customer.tier == 'basic'", 0, "no value before the event", "where an event is"),
        ("answer.x == 1", 0, "no answer here", "`save`"),
        ("item.x == 1", 0, "no item here", "projections"),
        ("length == 1", 0, "`length` is a filter", "x | length"),
        ("days > 1", 0, "`days` needs its brackets", "days(n)"),
        ("frequency == and", 13, "`and` cannot stand here", "a value is missing"),
        # absence (Q1)
        ("event.prev < 0.5", 0, "`event.prev` may be absent", "event.prev is not none and ..."),
        ("true and 1 < customer.risk", 13, "`customer.risk` may be absent", "customer.risk | default(...)"),
        ("customer.risk is none and customer.risk > 1", 26, "may be absent", "is not none"),
        ("customer.risk is not none or customer.risk > 1", 29, "may be absent", "is not none"),
        ("(customer.risk is not none or event.complete) and customer.risk > 1", 50, "may be absent", ""),
        ("event.revoked", 0, "`event.revoked` may be absent", "default"),
        ("'x' in event.maybe", 7, "`event.maybe` may be absent", "default"),
        ("event.maybe | length > 1", 0, "this value may be absent", "default"),
        ("event.amount / event.installment_no > 1", 0, "this value may be absent", "default"),
        ("event.prev + 1 > 2", 0, "`event.prev` may be absent", "default"),
        ("due_date + days(customer.risk) > today", 16, "`customer.risk` may be absent", "default"),
        ("-customer.risk > 2", 1, "`customer.risk` may be absent", "default"),
        # types
        ("event.installment_no == '2'", 0, "cannot be compared with a text", "without quotes"),
        ("event.due < now", 0, "a date cannot be compared with an instant", "`today` is a date"),
        ("event.amount > event.score", 0, "an exact decimal meets an inexact number", "same type"),
        ("event.amount + event.score > 1", 0, "an exact decimal meets an inexact number", "same type"),
        ("event.complete == 1", 0, "cannot be compared", ""),
        ("frequency < 'x'", 0, "a text has no order", "=="),
        ("event.complete > false", 0, "has no order", "=="),
        ("event.docs == ['a']", 0, "collections are not compared", "`in`"),
        ("event.docs == 'a'", 0, "cannot be compared", "`in`"),
        ("event.shape == event.shape", 0, "collections are not compared", "`in`"),
        ("event.status == 'dnoe'", 16, "`dnoe` is not a value", "did you mean `done`?"),
        ("'zzz' != event.status", 0, "`zzz` is not a value", "one of `done`, `open`"),
        ("event.status in ['done', 'opne']", 25, "`opne` is not a value", "did you mean `open`?"),
        ("event.status == customer.tier", 0, "no value in common", ""),
        ("event.status in 'done'", 16, "`in` looks into a list", "in ['...'"),
        ("event.status in event.shape", 16, "`in` looks into a list", ""),
        ("1 in event.docs", 0, "cannot be compared", ""),
        ("frequency in []", 13, "nothing is in an empty list", ""),
        ("event.due == none", 13, "nothing compares with `none`", "is none"),
        ("event.due != none", 13, "nothing compares with `none`", "is not none"),
        ("1 < event.installment_no < 5", 27, "two comparisons in a row", "a < b and b < c"),
        ("due_date + 3 > today", 0, "a date + a whole number has no meaning", "days(3)"),
        ("now - event.met > 3", 0, "an instant - an instant has no meaning", "now - days(3)"),
        ("frequency + 'x' == 'y'", 0, "has no meaning", "template"),
        ("days(1) + days(2) == days(3)", 0, "has no meaning", "one after the other"),
        ("due_date * 2 > today", 0, "has no meaning", "days(3)"),
        ("event.complete + 1 > 2", 0, "has no meaning", ""),
        ("-frequency == 'x'", 0, "`-` before a text", ""),
        ("days(1.5) + due_date > today", 5, "takes a whole number", ""),
        ("days(1) == days(1)", 0, "cannot be compared", ""),
        ("years_since(now) > 1", 12, "takes a date", ""),
        ("event.amount / 0 > 1", 15, "division by zero", ""),
        # what is no condition
        ("frequency", 0, "a text is not a condition", "compare it"),
        ("event.installment_no", 0, "a whole number is not a condition", "> 0"),
        ("not frequency", 4, "a text is not a condition", "compare it"),
        ("event.complete and today", 19, "a date is not a condition", "compare it"),
        ("event.complete if frequency else true", 18, "a text is not a condition", "compare it"),
        ("(1 if event.complete else 'x') == 1", 26, "this is a whole number or a text", "one type"),
        # functions, filters, tests
        ("sent('t31')", 5, "no step `t31`", "did you mean `t30`?"),
        ("sent(frequency)", 5, "a text that is written out", "quotes"),
        ("day(3) + due_date > today", 0, "no function `day`", "did you mean `days`?"),
        ("lower(frequency) == 'x'", 0, "no function `lower`", "x | lower"),
        ("frequency | lowr == 'x'", 12, "no filter `lowr`", "did you mean `lower`?"),
        ("event.due | lower == 'x'", 12, "`lower` cannot be applied to a date", "x | lower"),
        ("event.due | length == 1", 12, "`length` cannot be applied to a date", "x | length"),
        ("event.due | last(2) == 'x'", 12, "`last` cannot be applied to a date", "last(n)"),
        ("frequency | join('') == 'x'", 12, "`join` cannot be applied to a text", "join(text)"),
        ("event.due | glossary('reason') == 'x'", 12, "`glossary` cannot be applied", "glossary"),
        ("frequency | last == 'x'", 12, "`last` takes one value", "last(n)"),
        ("frequency | lower('x') == 'x'", 12, "`lower` takes nothing", "x | lower"),
        ("frequency | default(3) == 'x'", 20, "the default is a whole number", "one type"),
        ("frequency | default(none) == 'x'", 12, "changes nothing", "give a value"),
        ("frequency | glossary('raeson') == 'x'", 21, "no table `raeson`", "did you mean `reason`?"),
        ("'in_reviw' | glossary('reason')", 0, "`reason` has no `in_reviw`", "did you mean `in_review`?"),
        ("event.only | glossary('reason') == 'x'", 0, "has no `done`", "add it to the table"),
        ("event.due is defined", 10, "no test `is defined`", "is none"),
        # writing
        ("frequency = 'x'", 10, "`=` is no part", "write `==`"),
        ("event.complete && true", 15, "`&&` is no part", "write `and`"),
        ("event.complete AND true", 15, "`AND` is not a word", "write `and`"),
        ("event.complete == True", 18, "`True` is not a word", "write `true`"),
        ("frequency == “", 13, "`“` is no part", "straight quote"),
        ("event.complete，true", 14, "`，` is no part", "write `,`"),
        ("frequency == 'x", 13, "`'` is no part", "not closed"),
        ("frequency in ['a' 'b']", 18, "side by side", "comma"),
        ("event.installment_no >=", 23, "ends too early", "missing at the end"),
        ("(event.complete", 15, "ends too early", "missing at the end"),
        ("event.installment_no 2", 21, "`2` cannot stand here", "operator"),
        ("event.complete)", 14, "`)` cannot stand here", "bracket"),
        ("event.complete == 012", 18, "`012` is not a number", "digits"),
        ("   ", 0, "is empty", ""),
    ],
)  # fmt: skip
def test_a_mistake_has_a_place_a_reason_and_a_hint(text: str, offset: int, message: str, hint: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, SCOPE)
    assert [problem.offset for problem in caught.value.problems] == [offset]
    problem = caught.value.problems[0]
    assert message in problem.message
    assert hint in problem.hint


def test_all_mistakes_are_told_at_once_in_the_order_of_the_text() -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition("evnt.x == 1 and customer.teir == 'a' or event.status == 'dun' or frequency", SCOPE)
    assert [problem.offset for problem in caught.value.problems] == [0, 25, 56, 65]


def test_an_event_field_where_no_event_is_asks_for_a_fact() -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition("event.due > today", Scope())
    assert caught.value.problems == [
        Problem(0, "there is no event here", "declare a fact, `due: event.due`, and use `due`")
    ]


@pytest.mark.parametrize(
    ("text", "expect", "message"),
    [
        ("event.prev", NUMBER, "`event.prev` may be absent"),
        ("frequency", enum_of(("annual",)), "this is a text, but one of `annual` is wanted"),
        ("'anual'", enum_of(("annual",)), "but one of `annual` is wanted"),
        ("event.amount", INT, "this is an exact decimal, but a whole number is wanted"),
        ("event.amount", NUMBER, "but a number is wanted"),
        ("event.due", INSTANT, "but an instant is wanted"),
        ("event.docs", list_of(INT), "this is a list of texts, but a list of whole numbers is wanted"),
        ("customer.seen", map_of(TEXT), "but a map of texts is wanted"),
        ("days(3)", None, "`days()` alone is no value"),
        ("none", None, "`none` alone is no value here"),
        ("none", DATE, "`none` alone is no value here"),
        ("frequency", BOOL, "but true or false is wanted"),
    ],
)
def test_a_value_of_another_type_than_wanted_is_refused(text: str, expect: Type | None, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_expression(text, SCOPE, expect)
    assert [problem for problem in caught.value.problems if message in problem.message]


def test_the_error_reads_as_one_sentence_and_travels_between_processes() -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition("frequency", SCOPE)
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.problems == caught.value.problems
    assert str(error).startswith("the condition `frequency` is refused: at 1: a text is not a condition")


@pytest.mark.parametrize(
    ("name", "found"),
    [("dueDate", "due_date"), ("due-date", "due_date"), ("duedat", "due_date"), ("zzz", None), ("", None)],
)
def test_the_nearest_name_is_found(name: str, found: str | None) -> None:
    assert nearest(name, ["due_date", "amount"]) == found


def test_the_nearest_name_does_not_depend_on_the_order_of_the_candidates() -> None:
    assert nearest("t3", ["t31", "t30"]) == nearest("t3", ["t30", "t31"]) is not None


def test_did_you_mean_names_the_nearest_or_says_nothing() -> None:
    assert did_you_mean("teir", ["tier"], "customer.") == "did you mean `customer.tier`?"
    assert did_you_mean("zzz", ["tier"]) == ""
