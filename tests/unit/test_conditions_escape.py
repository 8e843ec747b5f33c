"""What tries to leave the language of conditions is refused before anything of it is executed."""

import pytest

from sojourn.core.conditions import ConditionError, Frame, Scope, compile_condition, compile_expression
from sojourn.core.types import BOOL, DATE, DECIMAL, INT, TEXT, list_of, object_of, set_of

SCOPE = Scope(
    event={"node": TEXT, "count": INT, "due": DATE, "amount": DECIMAL, "docs": list_of(TEXT)},
    customer={
        "tier": TEXT,
        "tags": set_of(TEXT),
        "policies": list_of(object_of({"policy_id": TEXT})),
        "vip": BOOL,
    },
    before=True,
    facts={"due_date": DATE, "note": TEXT},
    params={"limit": INT},
    steps=frozenset({"t30"}),
    glossary={"node": ("filed",)},
)

ESCAPES = [
    # attributes and dunder names
    "event.__class__",
    "event.node.__class__",
    "event.node.__class__.__mro__[1].__subclasses__()",
    "''.__class__",
    "(1).__class__",
    "[].__class__",
    "note.upper",
    "note.format",
    "today.year",
    "now.real",
    "customer.tags.add",
    "customer.policies.policy_id",
    "customer.__dict__",
    "before.__class__",
    "before.event.node",
    "before.customer.tier.__len__",
    "run.__class__",
    "run.id.__class__",
    "param.limit.__add__",
    "param.__getattribute__",
    "__builtins__",
    "__import__",
    "__name__ == 'x'",
    "self",
    "self.__init__",
    "loop.index",
    "f",
    "f.event",
    "frame.event",
    "r_event",
    "t1",
    "K0",
    "Decimal",
    "decode",
    "EMPTY",
    # calls
    "__import__('os')",
    "open('x')",
    "eval('1')",
    "exec('1')",
    "getattr(event, 'node')",
    "range(10)",
    "dict()",
    "lipsum()",
    "cycler('a')",
    "joiner(',')",
    "namespace()",
    "note.upper()",
    "note.format(1)",
    "'{0.__class__}'.format(note)",
    "event.node.replace('a', 'b')",
    "customer.tags.pop()",
    "today.replace(1)",
    "sent('t30')()",
    "days(1)(2)",
    "days",
    "days(*[1])",
    "days(**event)",
    "days(n=1)",
    "days(1, 2)",
    "sent(note)",
    "sent('t30', 't60')",
    "local_date(now, 'UTC')",
    "bool(note)",
    "len(note)",
    "date_days(today, 1)",
    # subscripts and slices
    "event['node']",
    "event['__class__'] == 'x'",
    "note[0]",
    "note[0:1]",
    "event.docs[0]",
    "event.docs.0",
    "[1, 2][0]",
    "customer.policies[0].policy_id",
    # filters and tests that Jinja2 knows and the language does not
    "note | attr('__class__')",
    "event.docs | map(attribute='x')",
    "event.docs | map('upper')",
    "event.docs | select('defined')",
    "note | format(1)",
    "note | safe",
    "note | e",
    "note | tojson",
    "note | pprint",
    "note | replace('a', 'b')",
    "note | string",
    "note | default('a', true)",
    "note | default(value='a')",
    "note | last(*[1])",
    "event.docs | join(', ', attribute='x')",
    "event.docs | join(note)",
    "note | last(100000)",
    "note | last(-1)",
    "note | last(true)",
    "note | glossary(note)",
    "note | __class__",
    "note is defined",
    "note is sameas(none)",
    "note is string",
    "note is callable",
    "note is in ['a']",
    "note is none(1)",
    # operators and constructs outside the language
    "2 ** 999999",
    "event.count ** event.count",
    "event.count // 2 == 1",
    "event.count % 2 == 1",
    "note % 'x' == 'y'",
    "note ~ 'x' == 'y'",
    "note * 1000000 == 'x'",
    "'a' * 999999999 == 'x'",
    "[0] * 999999999 == note",
    "+event.count == 1",
    "{'a': 1}",
    "{1, 2}",
    "lambda: 1",
    "[x for x in event.docs]",
    "(x for x in event.docs)",
    "event.count := 1",
    "event.count = 1",
    "note; note",
    "f'{note}'",
    "event.vip if event.count > 1",
    "await note",
    "yield",
    "note if",
    "import os",
    "{{ note }} == 'x'",
    "{% set x = 1 %}",
    "{# note #}",
    "note }} {{ note",
    "note %} {% raw",
    "# note",
    "event.count == 1 # true",
    "event.count == 1\x00",
    "`note`",
    "$note == 'x'",
    "@note",
    "note\\",
    # texts
    "note == '\\x41'",
    "note == '\\N{DIGIT ONE}'",
    "note == 'a\\'",
    "note == 'a\x00'",
    "note == 'a\u202e'",
    "note == 'a\nb'",
    "note == 'a",
    "note == 'a' 'b'",
    "note == '''a'''",
    "note == b'a'",
    # names that look like others, and letters from other alphabets
    "event.nоde == 'x'",  # a Cyrillic o
    "ｅvent.node == 'x'",  # a full-width e
    "еvent.node == 'x'",  # a Cyrillic e
    "ev\u200bent.node == 'x'",
    "event.count == １",
    "event.count == ²",
    "note == “x”",
    "event．node == 'x'",
    "not\u00a0event.count == 1",
    # numbers
    "event.count == 1000000000000001",
    "event.count == " + "9" * 1_500,
    "event.count == 1e999",
    "event.count == 0x10",
    "event.count == 0b1",
    "event.count == 1_000",
    "event.count == 007",
    "event.count == 1.2.3",
    "event.amount == " + "1" * 20 + "." + "1" * 20,
    "event.count == 1j",
    "event.amount == .5",
    "event.amount / 0 > 1",
    "due_date + days(99999) > today",
    "due_date + months(-99999) > today",
    "event.count == inf",
    "event.count == nan",
    # size and depth
    "event.count == 1" + " " * 2_000,
    " or ".join(["event.count == 1"] * 111),
    "event.count + " * 60 + "1 == 2",
    "(" * 51 + "event.count == 1" + ")" * 51,
    "(" * 900 + "event.count == 1" + ")" * 900,
    "[" * 900,
    "not " * 60 + "customer.vip",
    "not " * 499 + "vip",
    "-" * 1_990 + "1 == 1",
    "- " * 60 + "event.count == 1",
    "1 if vip else " * 100 + "2",
    "note" + " | lower" * 60 + " == 'x'",
    "note" + ".x" * 300,
    "note" + "[0]" * 300,
    "days(" * 60 + "1" + ")" * 60,
    "event.count in [" + ", ".join(["1"] * 101) + "]",
    "event.count in [[1]]",
    "event.count in [event.count]",
    "note in ['a', 1]",
    "event.count in []",
]


def test_there_are_enough_attempts_and_none_twice() -> None:
    assert len(ESCAPES) == len(set(ESCAPES)) >= 60


@pytest.mark.parametrize("text", ESCAPES, ids=lambda text: ascii(text[:50]))
@pytest.mark.parametrize("compile_", [compile_condition, compile_expression], ids=["condition", "value"])
def test_an_escape_is_refused_with_a_place_and_a_reason(compile_: object, text: str) -> None:
    assert callable(compile_)
    with pytest.raises(ConditionError) as caught:
        compile_(text, SCOPE)
    problems = caught.value.problems
    assert problems
    for problem in problems:
        assert 0 <= problem.offset <= len(text)
        assert problem.message.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "note == '__import__(\"os\")'",
        "note == '{{ 7 * 7 }}'",
        "note == \"');raise SystemExit('\"",
        "note == '%s' or note == '{0.__class__}'",
        "note in ['#', '\"', \"'\", ';']",
        "note == '王女士'",
    ],
)
def test_what_only_looks_dangerous_in_quotes_is_text(text: str) -> None:
    assert compile_condition(text, SCOPE)(Frame(facts={"note": "harmless"})) is False


def test_a_compiled_condition_reaches_nothing_of_python() -> None:
    names = compile_condition("event.count > 1 and note | lower == 'x'", SCOPE).run.__globals__["__builtins__"]
    assert set(names) == {"bool", "len", "float", "ArithmeticError"}
