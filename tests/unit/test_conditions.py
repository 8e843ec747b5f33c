"""The language of conditions: what a text means, for present and for absent values (Q1, Q3, Q4, N3, N4)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sojourn.core.conditions import (
    FILTERS,
    FUNCTIONS,
    NAMES,
    RESERVED,
    ROOTS,
    Frame,
    Scope,
    compile_condition,
    compile_expression,
)
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
from sojourn.core.zones import to_utc

TIERS = enum_of(("basic", "growth", "high_value"))
SCOPE = Scope(
    event={
        "n": INT,
        "amount": DECIMAL,
        "score": NUMBER,
        "prev": NUMBER.optional(),
        "due": DATE,
        "met": INSTANT,
        "code": TEXT.optional(),
        "docs": list_of(TEXT),
        "complete": BOOL,
        "revoked": BOOL.optional(),
        "rates": list_of(NUMBER),
    },
    customer={
        "tier": TIERS,
        "name": TEXT,
        "tags": set_of(TEXT),
        "risk": INT.optional(),
        "until": DATE.optional(),
        "aum": DECIMAL.optional(),
        "born": DATE.optional(),
        "seen": map_of(INSTANT),
        "policies": list_of(object_of({"policy_id": TEXT, "due": DATE.optional()})),
        "held": list_of(TEXT).optional(),
        "days_off": list_of(DATE),
        "pause_until": INSTANT.optional(),
    },
    before=True,
    facts={"due_date": DATE, "amount": DECIMAL, "policy_id": TEXT, "tier": TIERS.optional()},
    params={"threshold": NUMBER, "grace": INT, "task": TEXT},
    answer={"task_id": TEXT, "fee": DECIMAL.optional()},
    item={"status": TEXT, "free_until": DATE.optional()},
    bare={"node": ("event", TEXT), "gift": ("params", TEXT), "policy": ("facts", TEXT)},
    steps=frozenset({"t30", "t7"}),
    glossary={"reason": ("in_review", "card_expired"), "tier": ("basic", "growth", "high_value")},
)
SHANGHAI = "Asia/Shanghai"
NOON = to_utc(SHANGHAI, date(2026, 3, 10), 12 * 3_600_000)
FRAME = Frame(
    event={
        "n": 2,
        "amount": Decimal("0.10"),
        "score": 0.7,
        "prev": None,
        "due": date(2026, 3, 12),
        "met": NOON,
        "docs": ["id", "invoice"],
        "complete": True,
        "rates": [0.5, 1.0],
        "node": "filed",
    },
    facts={"due_date": "2026-03-31", "amount": "3600.00", "policy_id": "P-00012345", "policy": "P-9"},
    customer={
        "tier": "growth",
        "name": "Wang",
        "tags": ["vip", "young"],
        "risk": 3,
        "born": "1960-02-29",
        "seen": {"motor": NOON},
        "policies": [],
        "days_off": ["2026-03-12"],
    },
    before={"tier": "basic", "born": "1961-01-01"},
    params={"threshold": 0.6, "grace": 60, "task": "call", "gift": "tea"},
    answer={"task_id": "T-1", "fee": "12.50"},
    item={"status": "active", "free_until": "2026-03-10"},
    now=NOON,
    zone=SHANGHAI,
    run_id="run-1",
    sent=("t30",),
    locale="en",
    words={
        "reason": {"in_review": {"en": "in review", "zh-CN": "审核中"}},
        "tier": {"growth": {"en": "Growth"}},
    },
)
NOBODY = Frame(customer=None, event=None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # comparisons of each type
        ("event.n >= 2", True),
        ("event.n > 2", False),
        ("event.n != 2", False),
        ("event.amount <= 0", False),
        ("event.amount == 0.1", True),
        ("event.amount == 0.10", True),
        ("amount > event.amount", True),
        ("event.score == 0.7", True),
        ("event.score >= param.threshold", True),
        ("event.score > -1", True),
        ("event.n < 2.5", True),
        ("event.due > today", True),
        ("event.met == now", True),
        ("customer.tier == 'growth'", True),
        ('customer.tier != "growth"', False),
        ("event.complete == true", True),
        ("event.complete", True),
        ("not event.complete", False),
        ("true", True),
        ("run.id == 'run-1'", True),
        ("sent('t30') and not sent('t7')", True),
        ("before.customer.tier != customer.tier", True),
        # the names of Q3: fact, parameter, answer, item, variable
        ("policy_id == 'P-00012345'", True),
        ("node == 'filed' and gift == 'tea' and policy == 'P-9'", True),
        ("answer.task_id == 'T-1'", True),
        ("answer.fee is not none and answer.fee == 12.5", True),
        ("item.free_until is not none and item.free_until >= today", True),
        # membership
        ("'vip' in customer.tags", True),
        ("'old' not in customer.tags", True),
        ("customer.tier in ['growth', 'high_value']", True),
        ("customer.tier in ('basic', 'high_value')", False),
        ("event.n not in [1, 3]", True),
        ("event.amount in [0.1, 2]", True),
        ("event.score in [0.7, 1]", True),
        ("'motor' in customer.seen", True),
        ("event.due in customer.days_off", True),
        ("0.5 in event.rates", True),
        ("event.n in [-1, 2]", True),
        # collections as conditions
        ("customer.tags", True),
        ("customer.policies", False),
        ("not customer.policies and customer.tags", True),
        ("customer.held", False),
        # arithmetic
        ("event.n + 1 * 2 - 1 == 3", True),
        ("-event.n == -2", True),
        ("event.amount * 3 == 0.3", True),
        ("event.n / 4 == 0.5", True),
        ("event.score * 2 > 1.3", True),
        ("event.score / 2 == 0.35", True),
        ("(event.n / event.n) | default(0) == 1", True),
        ("(event.n / (event.n - 2)) | default(7) == 7", True),
        ("due_date - today == 21", True),
        ("due_date + days(param.grace) == due_date + days(60)", True),
        ("days(1) + due_date > due_date", True),
        ("now - days(1) < event.met", True),
        # choices and defaults
        ("(1 if event.complete else 2) == 1", True),
        ("(event.prev | default(0.5)) < 0.6", True),
        ("event.prev | default(1) == 1", True),
        ("event.revoked | default(false)", False),
        ("event.code | default('none') == 'none'", True),
        ("customer.risk is none if false else true", True),
        # filters
        ("event.docs | length == 2", True),
        ("policy_id | last(4) == '2345'", True),
        ("policy_id | first(2) | lower == 'p-'", True),
        ("customer.name | upper in ['WANG']", True),
        ("event.docs | first(1) | join('+') == 'id'", True),
        ("event.docs | join(', ') == 'id, invoice'", True),
        ("years_since(customer.born | default(today)) == 66", True),
        # a condition may stand on several lines
        ("event.complete\n  and event.n == 2\n", True),
    ],
)
def test_a_condition_answers(text: str, answer: bool) -> None:
    assert compile_condition(text, SCOPE)(FRAME) is answer


@pytest.mark.parametrize(
    ("text", "value", "type_"),
    [
        ("event.due", date(2026, 3, 12), DATE),
        ("due_date", date(2026, 3, 31), DATE),
        ("amount", Decimal("3600.00"), DECIMAL),
        ("amount * 2", Decimal("7200.00"), DECIMAL),
        ("event.n / 3 * 3 - 2", Decimal("0E-27"), DECIMAL),
        ("event.score + 1", 1.7, NUMBER),
        ("event.prev", None, NUMBER.optional()),
        ("today", date(2026, 3, 10), DATE),
        ("now", NOON, INSTANT),
        ("'active'", "active", TEXT),
        ("false", False, BOOL),
        ("-0.5", Decimal("-0.5"), DECIMAL),
        ("['b', 'a']", ["b", "a"], list_of(enum_of(("b", "a")))),
        ("customer.tags", ["vip", "young"], set_of(TEXT)),
        ("customer.days_off", [date(2026, 3, 12)], list_of(DATE)),
        ("customer.days_off | last(1)", [date(2026, 3, 12)], list_of(DATE)),
        ("event.code | upper", None, TEXT.optional()),
        ("event.n if event.complete else 0.5", Decimal(2), DECIMAL),
        ("event.n if event.complete else event.score", 2.0, NUMBER),
        ("event.n if event.complete else none", 2, INT.optional()),
        ("'x' if event.complete else 'y'", "x", enum_of(("x", "y"))),
        ("tier | default(customer.tier)", "growth", TIERS),
        ("event.code | default('in_review') | glossary('reason')", "in review", TEXT.optional()),
        ("'in_review' | glossary('reason')", "in review", TEXT),
        ("customer.tier | glossary('tier')", "Growth", TEXT),
        ("['in_review', 'card_expired'] | glossary('reason')", None, list_of(TEXT)),
        ("['in_review'] | glossary('reason') | join('/')", "in review", TEXT),
        ("event.docs | glossary('reason')", None, list_of(TEXT).optional()),
        ("event.n / event.n", Decimal(1), DECIMAL.optional()),
    ],
)
def test_an_expression_gives_a_typed_value_of_its_type(text: str, value: Any, type_: Type) -> None:
    expression = compile_expression(text, SCOPE)
    given = expression(FRAME)
    assert given == value
    assert type(given) is type(value)
    assert expression.type == type_


@pytest.mark.parametrize(
    ("text", "expect", "value"),
    [
        ("event.n", DECIMAL, Decimal(2)),
        ("0", DECIMAL, Decimal(0)),
        ("event.n", NUMBER, 2.0),
        ("0.25", NUMBER, 0.25),
        ("customer.tier", TEXT, "growth"),
        ("'basic'", TIERS, "basic"),
        ("tier", TIERS.optional(), None),
        ("none", DATE.optional(), None),
        ("due_date", DATE.optional(), date(2026, 3, 31)),
        ("customer.tags", BOOL, True),
        ("event.docs", set_of(TEXT), ["id", "invoice"]),
        ("[]", list_of(TEXT), []),
        ("customer.policies", Type("list"), []),
    ],
)
def test_a_value_takes_the_type_that_is_wanted(text: str, expect: Type, value: Any) -> None:
    given = compile_expression(text, SCOPE, expect)(FRAME)
    assert given == value
    assert type(given) is type(value)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("event.n >= 2", None),
        ("not event.complete", None),
        ("event.complete", None),
        ("customer.tags", False),
        ("'vip' in customer.tags", None),
        ("customer.risk is none", True),
        ("customer.risk is not none and customer.risk > 2", False),
        ("event.complete and customer.tags", False),
        ("event.complete or customer.tags", None),
        ("event.complete or not customer.tags", True),
        ("not sent('t7') or event.complete", True),
        ("event.complete and event.n > 1", None),
        ("(1 if event.complete else 2) == 1", None),
        ("due_date - today > 3", None),
        ("due_date + days(3) > today", None),
        ("now + months(1) > event.met", None),
        ("policy_id | last(4) == 'x'", None),
        ("event.docs | join(', ') == ''", None),
        ("event.amount in [1, 2]", None),
        ("before.customer.tier != customer.tier", None),
        ("years_since(customer.born | default(today)) == 0", True),
    ],
)
def test_an_absent_value_makes_a_comparison_unknown_and_never_fails(text: str, answer: bool | None) -> None:
    assert compile_condition(text, SCOPE)(NOBODY) is answer


@pytest.mark.parametrize(
    "text",
    [
        "customer.risk is not none and customer.risk > 2",
        "customer.risk is none or customer.risk > 2",
        "not (customer.risk is none) and customer.risk > 2",
        "not (customer.risk is not none) or customer.risk > 2",
        "customer.risk > 2 if customer.risk is not none else false",
        "true if customer.risk is none else customer.risk > 2",
        "customer.risk | default(0) > 2",
        "(customer.risk is none or customer.until is none) or (customer.until < today and customer.risk > 1)",
        "customer.risk is not none and (event.n > 1 or customer.risk > 2)",
        "event.complete and customer.risk is not none and not (customer.risk < event.n)",
        "(customer.risk is not none and event.n > 1) and customer.risk > 2",
        "customer.held and 'x' in customer.held",
        "customer.pause_until is not none and now < customer.pause_until",
        "before.customer.risk is not none and customer.risk is not none and before.customer.risk < 3",
    ],
)
def test_a_guard_lets_an_absent_value_through(text: str) -> None:
    assert compile_condition(text, SCOPE)(FRAME) is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # N3: days and months from a date, clamped to the end of the month
        ("due_date + months(1)", date(2026, 4, 30)),
        ("due_date + months(11)", date(2027, 2, 28)),
        ("due_date + months(23)", date(2028, 2, 29)),
        ("due_date - months(1)", date(2026, 2, 28)),
        ("due_date - days(30)", date(2026, 3, 1)),
        ("due_date + months(1) + days(1)", date(2026, 5, 1)),
    ],
)
def test_calendar_arithmetic_of_dates(text: str, value: date) -> None:
    assert compile_expression(text, SCOPE)(FRAME) == value


@pytest.mark.parametrize(
    ("zone", "day", "clock", "text", "expected_day", "expected_clock"),
    [
        # N4: 02:30 does not exist in New York on 8 March 2026 and twice on 1 November
        ("America/New_York", date(2026, 3, 7), "02:30", "now + days(1)", date(2026, 3, 8), "03:30"),
        ("America/New_York", date(2026, 2, 8), "02:30", "now + months(1)", date(2026, 3, 8), "03:30"),
        ("America/New_York", date(2026, 10, 31), "01:30", "now + days(1)", date(2026, 11, 1), "01:30"),
        ("Australia/Lord_Howe", date(2026, 10, 3), "02:15", "now + days(1)", date(2026, 10, 4), "02:45"),
        ("Asia/Shanghai", date(2026, 1, 31), "09:00", "now + months(1)", date(2026, 2, 28), "09:00"),
        ("Asia/Shanghai", date(2026, 3, 31), "09:00", "now - days(31)", date(2026, 2, 28), "09:00"),
    ],
)
def test_calendar_arithmetic_of_instants_keeps_the_wall_clock(
    zone: str, day: date, clock: str, text: str, expected_day: date, expected_clock: str
) -> None:
    def at(on: date, time: str) -> int:
        hours, minutes = time.split(":")
        return to_utc(zone, on, (int(hours) * 60 + int(minutes)) * 60_000)

    frame = Frame(now=at(day, clock), zone=zone)
    assert compile_expression(text, SCOPE)(frame) == at(expected_day, expected_clock)


def test_a_doubled_time_is_its_first() -> None:
    frame = Frame(now=to_utc("America/New_York", date(2026, 10, 31), 5_400_000), zone="America/New_York")
    elapsed = compile_expression("now + days(1)", SCOPE)(frame) - frame.now
    assert elapsed == 24 * 3_600_000


def test_today_is_the_date_at_the_customers_place() -> None:
    today = compile_expression("today", SCOPE)
    midnight = to_utc(SHANGHAI, date(2026, 3, 11), 0)
    assert today(Frame(now=midnight, zone=SHANGHAI)) == date(2026, 3, 11)
    assert today(Frame(now=midnight - 1, zone=SHANGHAI)) == date(2026, 3, 10)
    assert today(Frame(now=midnight, zone="America/New_York")) == date(2026, 3, 10)


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        ("1960-03-10", date(2026, 3, 10), 66),
        ("1960-03-11", date(2026, 3, 10), 65),
        ("1960-02-29", date(2026, 2, 27), 65),
        ("1960-02-29", date(2026, 2, 28), 66),
        ("1960-02-29", date(2028, 2, 28), 67),
        ("1960-02-29", date(2028, 2, 29), 68),
    ],
)
def test_years_since_a_birth_date(born: str, on: date, years: int) -> None:
    frame = Frame(customer={"born": born}, now=to_utc(SHANGHAI, on, 0), zone=SHANGHAI)
    assert compile_expression("years_since(customer.born | default(today))", SCOPE)(frame) == years


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("due_date + days(param.grace)", Frame(facts={"due_date": "9999-12-31"}, params={"grace": 1})),
        ("due_date - days(param.grace)", Frame(facts={"due_date": "2026-01-01"}, params={"grace": 10**12})),
        ("due_date + months(param.grace)", Frame(facts={"due_date": "9999-12-31"}, params={"grace": 1})),
        ("due_date + months(param.grace)", Frame(facts={"due_date": "2026-01-01"}, params={"grace": 10**30})),
        ("now + days(param.grace)", Frame(params={"grace": 10**9})),
        ("now - months(param.grace)", Frame(params={"grace": 10**9})),
        ("event.n / event.n", Frame(event={"n": 0})),
        ("event.score / event.n", Frame(event={"score": 1.0, "n": 0})),
        ("event.score * event.n", Frame(event={"score": 1.0, "n": 10**400})),
        ("event.amount * event.amount", Frame(event={"amount": Decimal("9E+999999")})),
    ],
)
def test_what_cannot_be_computed_is_absent(text: str, frame: Frame) -> None:
    assert compile_expression(text, SCOPE)(frame) is None


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("event.n > 1 and customer.tier == 'basic'", {("event", "n"), ("customer", "tier")}),
        ("due_date >= today", {("facts", "due_date"), ("today", "")}),
        ("now > event.met", {("now", ""), ("event", "met")}),
        ("before.customer.tier == 'basic' or sent('t7')", {("before", "tier"), ("sent", "t7")}),
        ("node == gift or policy == 'z'", {("event", "node"), ("param", "gift"), ("facts", "policy")}),
        ("param.grace > 1 and run.id == 'x'", {("param", "grace"), ("run", "id")}),
        ("customer.tier | glossary('tier') == 'x'", {("customer", "tier"), ("glossary", "tier")}),
        ("item.status == answer.task_id", {("item", "status"), ("answer", "task_id")}),
        ("years_since(due_date) > 1", {("facts", "due_date"), ("today", "")}),
    ],
)  # fmt: skip
def test_an_expression_says_what_it_reads(text: str, reads: set[tuple[str, str]]) -> None:
    assert compile_condition(text, SCOPE).reads == reads


def test_the_event_comes_before_facts_and_facts_before_parameters() -> None:
    scope = Scope(facts={"amount": DECIMAL}, bare={"amount": ("event", DECIMAL)})
    expression = compile_expression("amount", scope)
    assert expression(Frame(event={"amount": Decimal(1)}, facts={"amount": "2"})) == 1


def test_fifty_levels_are_allowed() -> None:
    brackets = "(" * 49 + "event.n == 2" + ")" * 49
    negations = "not " * 48 + "event.complete"
    chain = " or ".join(["event.n == 1"] * 48 + ["event.complete"])
    choices = "1 if event.n == 1 else " * 24 + "2"
    assert compile_condition(brackets, SCOPE)(FRAME) is True
    assert compile_condition(negations, SCOPE)(FRAME) is True
    assert compile_condition(chain, SCOPE)(FRAME) is True
    assert compile_expression(choices, SCOPE)(FRAME) == 2


def test_no_fact_may_be_called_like_a_word_of_the_language() -> None:
    assert {*ROOTS, *NAMES, *FUNCTIONS} <= RESERVED
    assert RESERVED.isdisjoint(FILTERS)


@pytest.mark.parametrize(
    "example", [word.example for words in (ROOTS, NAMES, FUNCTIONS, FILTERS) for word in words.values()]
)
def test_the_examples_of_the_reference_page_are_accepted(example: str) -> None:
    scope = Scope(
        event={"installment_no": INT, "score": NUMBER, "reason_code": TEXT.optional(), "docs": list_of(TEXT),
               "reply_text": TEXT, "node": TEXT},
        customer={"tier": TEXT, "complaint_pause_until": INSTANT, "birth_date": DATE},
        before=True,
        facts={"due_date": DATE, "issued_on": DATE, "policy_id": TEXT, "docs": list_of(TEXT)},
        params={"threshold": NUMBER},
        answer={"task_id": TEXT},
        item={"status": TEXT},
        steps=frozenset({"t30"}),
        glossary={"claim_node": ()},
    )  # fmt: skip
    assert compile_expression(example, scope).text == example
