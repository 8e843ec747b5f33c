"""Properties: three-valued logic (Q1) holds its laws, and no absent value ever makes a condition fail."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sojourn.core.conditions import (
    ConditionError,
    Frame,
    Problem,
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
    encode,
    enum_of,
    list_of,
    set_of,
)

LETTERS = ("a", "b", "c")
LOGIC = Scope(event=dict.fromkeys(LETTERS, BOOL))
TRUTHS = st.sampled_from([True, False, None])
Truth = bool | None
# A formula is a letter or a tuple: ("not", f), ("and", f, g), ("or", f, g), ("if", f, c, g).
Formula = Any

FORMULAS: st.SearchStrategy[Formula] = st.recursive(
    st.sampled_from([*LETTERS, "true", "false"]),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        st.tuples(st.just("if"), inner, inner, inner),
    ),
    max_leaves=10,
)


def written(formula: Formula) -> str:
    """Write a formula as the text of a condition."""
    if isinstance(formula, str):
        return formula if formula in ("true", "false") else f"event.{formula}"
    if formula[0] == "not":
        return f"(not {written(formula[1])})"
    if formula[0] == "if":
        return f"({written(formula[1])} if {written(formula[2])} else {written(formula[3])})"
    return f"({written(formula[1])} {formula[0]} {written(formula[2])})"


def truth(formula: Formula, values: dict[str, Truth]) -> Truth:
    """Say the truth of a formula by the strong tables of Kleene: the slow, plain second opinion."""
    if isinstance(formula, str):
        known: dict[str, Truth] = {"true": True, "false": False, **values}
        return known[formula]
    if formula[0] == "not":
        inner = truth(formula[1], values)
        return None if inner is None else not inner
    one, two = truth(formula[1], values), truth(formula[2], values)
    if formula[0] == "if":
        return None if two is None else (one if two else truth(formula[3], values))
    stop: bool = formula[0] == "or"
    if stop in (one, two):
        return stop
    return None if None in (one, two) else not stop


@given(FORMULAS, st.fixed_dictionaries(dict.fromkeys(LETTERS, TRUTHS)))
def test_logic_is_three_valued(formula: Formula, values: dict[str, Truth]) -> None:
    answer = compile_condition(written(formula), LOGIC)(Frame(event=values))
    assert answer is truth(formula, values)


@given(FORMULAS, FORMULAS, st.fixed_dictionaries(dict.fromkeys(LETTERS, TRUTHS)))
def test_the_laws_of_de_morgan_hold(one: Formula, two: Formula, values: dict[str, Truth]) -> None:
    frame = Frame(event=values)
    for inside, outside in (("and", "or"), ("or", "and")):
        left = compile_condition(written(("not", (inside, one, two))), LOGIC)
        right = compile_condition(written((outside, ("not", one), ("not", two))), LOGIC)
        assert left(frame) is right(frame)


@given(FORMULAS, st.fixed_dictionaries(dict.fromkeys(LETTERS, TRUTHS)))
def test_more_knowledge_never_turns_an_answer_around(formula: Formula, values: dict[str, Truth]) -> None:
    condition = compile_condition(written(formula), LOGIC)
    known = condition(Frame(event=values))
    if known is not None:
        for value in (True, False):
            filled = {name: value if given is None else given for name, given in values.items()}
            assert condition(Frame(event=filled)) is known


TYPES: dict[str, Type] = {
    "i": INT,
    "n": NUMBER,
    "d": DECIMAL,
    "t": TEXT,
    "e": enum_of(("x", "y")),
    "b": BOOL,
    "day": DATE,
    "at": INSTANT,
    "texts": list_of(TEXT),
    "days_off": set_of(DATE),
}
FIELDS = {**TYPES, **{f"{name}_opt": type_.optional() for name, type_ in TYPES.items()}}
WELL_TYPED = Scope(
    event=FIELDS,
    customer=FIELDS,
    before=True,
    facts={f"f_{name}": type_ for name, type_ in FIELDS.items()},
    params=FIELDS,
    item=FIELDS,
    steps=frozenset({"s"}),
    glossary={"g": ("x", "y")},
)


def reads(name: str) -> st.SearchStrategy[str]:
    """Texts that give a value of a type and are present as far as the checker can know."""
    roots = st.sampled_from(["event.", "customer.", "before.customer.", "param.", "item.", "f_"])
    plain = roots.map(lambda root: root + name)
    literal = {
        "i": "7", "n": "0.5", "d": "1.25", "t": "'x'", "e": "'y'", "b": "true", "day": "today", "at": "now",
    }.get(name)  # fmt: skip
    if literal is None:
        return plain
    return st.one_of(plain, plain.map(lambda read: f"({read}_opt | default({literal}))"), st.just(literal))


def values_of(name: str) -> st.SearchStrategy[str]:
    """Texts of expressions of a type, with some arithmetic."""
    base = reads(name)
    if name in ("i", "n", "d"):
        sums = st.tuples(base, st.sampled_from("+-*"), base).map(lambda parts: f"({' '.join(parts)})")
        quotients = st.tuples(base, base).map(lambda two: f"(({two[0]} / {two[1]}) | default(1.5))")
        # A quotient of whole numbers is an exact decimal, so it stands among the decimals only.
        return st.one_of(base, sums, base.map("(-{})".format), *([] if name == "i" else [quotients]))
    if name in ("day", "at"):
        counts = reads("i")
        shifted = st.tuples(base, st.sampled_from("+-"), st.sampled_from(["days", "months"]), counts)
        return st.one_of(base, shifted.map(lambda s: f"({s[0]} {s[1]} {s[2]}({s[3]}))"))
    if name == "t":
        cut = st.sampled_from(["lower", "upper", "last(2)", "first(1)"])
        return st.one_of(
            base,
            st.tuples(base, cut).map(lambda pair: f"({pair[0]} | {pair[1]})"),
            reads("texts").map(lambda read: f"({read} | join(', '))"),
            reads("e").map(lambda read: f"(({read} | glossary('g')) | default('x'))"),
        )
    return base


def comparisons() -> st.SearchStrategy[str]:
    """Texts of single conditions of every kind."""

    def compared(name: str, operators: list[str]) -> st.SearchStrategy[str]:
        return st.tuples(values_of(name), st.sampled_from(operators), values_of(name)).map(" ".join)

    def guarded(name: str, literal: str) -> st.SearchStrategy[str]:
        roots = st.sampled_from(["event.", "customer.", "before.customer.", "param.", "item.", "f_"])
        return roots.map(lambda r: f"({r}{name}_opt is not none and {r}{name}_opt != {literal})")

    orders, equals = ["<", "<=", ">", ">=", "==", "!="], ["==", "!="]
    return st.one_of(
        *[compared(name, orders) for name in ("i", "n", "d", "day", "at")],
        *[compared(name, equals) for name in ("t", "b")],
        values_of("t").map("{} in ['x', 'y']".format),
        st.tuples(values_of("t"), reads("texts")).map("{0[0]} in {0[1]}".format),
        st.tuples(values_of("day"), reads("days_off")).map("{0[0]} not in {0[1]}".format),
        st.tuples(values_of("day"), values_of("day")).map("({0[0]} - {0[1]}) > 3".format),
        values_of("day").map("years_since({}) >= 18".format),
        reads("texts").map("(not {})".format),
        reads("days_off").map("(true and {})".format),
        values_of("b"),
        st.just("sent('s')"),
        guarded("i", "3"),
        guarded("day", "today"),
        guarded("t", "'x'"),
        st.sampled_from(["event.", "customer.", "f_"]).map("{}i_opt is none".format),
    )


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        inner.map("(not ({}))".format),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(inner, inner, inner).map("({0[0]} if {0[1]} else {0[2]})".format),
    ),
    max_leaves=4,
)
TYPED_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.sampled_from([0, 1, -7, 10**15, 10**400]),
    "n": st.sampled_from([0.0, 0.5, -1e308, 1e308]),
    "d": st.sampled_from([Decimal("0.00"), Decimal("-1.25"), Decimal("9E+999999")]),
    "t": st.sampled_from(["", "x", "王"]),
    "e": st.sampled_from(["x", "y", "unheard-of"]),
    "b": st.booleans(),
    "day": st.sampled_from([date(2026, 3, 12), date(1, 1, 1), date(9999, 12, 31), date(2028, 2, 29)]),
    "at": st.sampled_from([0, 1_780_000_000_000, 253_402_300_799_999, -62_135_596_800_000]),
    "texts": st.lists(st.sampled_from(["x", "y"]), max_size=2),
    "days_off": st.lists(st.just(date(2026, 3, 12)), max_size=1),
}


def mappings(prefix: str = "", *, wire: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Values for all fields, many of them absent or None; often none at all."""

    def formed(type_: Type) -> Callable[[Any], Any]:
        return lambda typed: encode(type_, typed) if wire else typed

    optional: dict[Any, st.SearchStrategy[Any]] = {
        prefix + field: st.none() | TYPED_VALUES[field.removesuffix("_opt")].map(formed(type_))
        for field, type_ in FIELDS.items()
    }
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Frames riddled with None."""
    return Frame(
        event=draw(mappings(wire=False)) or None,
        facts=draw(mappings("f_", wire=True)),
        customer=draw(mappings(wire=True)) or None,
        before=draw(mappings(wire=True)) or None,
        params=draw(mappings(wire=False)),
        item=draw(mappings(wire=True)) or None,
        now=draw(st.sampled_from([0, 1_780_000_000_000])),
        zone=draw(st.sampled_from(["Asia/Shanghai", "America/New_York"])),
        locale="en",
        words={"g": {"x": {"en": "An X"}}},
    )


@given(CONDITIONS, frames())
def test_a_condition_that_is_accepted_never_fails(text: str, frame: Frame) -> None:
    condition = compile_condition(text, WELL_TYPED)
    assert condition(frame) in (True, False, None)
    assert condition(Frame()) in (True, False, None)


@given(st.sampled_from(sorted(FIELDS)), st.sampled_from(["event.", "customer.", "f_"]), frames())
def test_a_read_gives_the_typed_value_or_none(name: str, root: str, frame: Frame) -> None:
    given = compile_expression(root + name, WELL_TYPED)(frame)
    python: dict[str, type] = {
        "text": str, "int": int, "number": float, "decimal": Decimal, "bool": bool, "date": date,
        "instant": int, "list": list, "set": list,
    }  # fmt: skip
    assert given is None or type(given) is python[FIELDS[name].kind]


@given(st.text(alphabet="evnt.ic ustomer'()[]|<=>!+-*/,0159 andorifs\\{}%\u200b王“", max_size=60))
def test_any_text_is_compiled_or_refused_and_nothing_else(text: str) -> None:
    problems: list[Problem] = []
    try:
        compile_condition(text, WELL_TYPED)(Frame())
    except ConditionError as error:
        problems = error.problems
    assert all(0 <= problem.offset <= len(text) for problem in problems)
