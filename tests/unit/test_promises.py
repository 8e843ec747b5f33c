"""Promises: the forms of prove.md, their scopes, and every mistake with its place in the sentence."""

from typing import Any

import pytest

from sojourn.core.book import Duration
from sojourn.core.conditions import Frame, Scope
from sojourn.core.types import BOOL, DATE, DECIMAL, TEXT
from sojourn.definitions.promise_forms import (
    Answer,
    Apart,
    AtMost,
    Before,
    Ends,
    ExactlyOnce,
    Never,
    OnlyIf,
    Promise,
    Reaches,
    Sometimes,
)
from sojourn.definitions.promise_words import Moment, Names, What
from sojourn.definitions.promises import SHAPES, parse_promise

FACTS = {"due": DATE, "policy": TEXT, "sum": DECIMAL}
NAMES = Names(
    templates=frozenset({"bill_first", "bill_last", "thanks", "offer"}),
    steps=frozenset({"t3", "t7"}),
    calls=frozenset({"desk.task"}),
    events={"money.came": {"left": DECIMAL, "note": TEXT.optional()}, "case.closed": {}},
    facts=FACTS,
    reasons=frozenset({"lapsed"}),
    state_scope=Scope(customer={"silent": BOOL, "tier": TEXT}, facts=FACTS),
    start_scope=Scope(event={"sum": DECIMAL}, customer={"silent": BOOL}, facts=FACTS),
)
DAY = Duration(days=1, text="1 day")
BILLS = What("bill_*", templates=("bill_first", "bill_last"))
THANKS = What("thanks", templates=("thanks",))
GOAL = Moment("the goal", "goal")
CLOSED = Moment("case.closed", "event", event="case.closed")


def promise(text: str) -> Promise:
    """Parse a sentence that has no mistake."""
    found, problems = parse_promise(text, NAMES)
    assert problems == []
    assert found is not None
    assert found.text == text
    return found


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("never send bill_*", Never(BILLS)),
        ("never send bill_* after the goal", Never(BILLS, after=GOAL)),
        ("never send bill_* after case.closed until the goal", Never(BILLS, after=CLOSED, until=GOAL)),
        ("never send bill_* before the start", Never(BILLS, before=Moment("the start", "start"))),
        (
            "never send sms between 21:00 and 08:00",
            Never(What("sms", channels=("sms",)), between=(75_600_000, 28_800_000)),
        ),
        ("never send bill_* within 1 day after the goal", Never(BILLS, after=GOAL, within=DAY)),
        ("never send bill_* 1 day after the goal", Never(BILLS, after=GOAL, within=DAY)),
        ("at most 2 bill_* per run", AtMost(2, BILLS, per="run")),
        ("at most 1 marketing per day", AtMost(1, What("marketing", classes=("marketing",)), per="day")),
        ("at most 3 any message per week", AtMost(3, What("any message", any=True), per="week")),
        ("at most 1 bill_* within 1 day", AtMost(1, BILLS, within=DAY)),
        ("at most 1 bill_* ever", AtMost(1, BILLS, per="ever")),
        ("at least 1 day between bill_* and thanks", Apart(DAY, BILLS, THANKS)),
        ("thanks within 1 day after case.closed", Answer(THANKS, DAY, CLOSED)),
        ("thanks within 1 day after case.closed unless the goal", Answer(THANKS, DAY, CLOSED, GOAL)),
        ("thanks within 1 day after case.closed or is suppressed", Answer(THANKS, DAY, CLOSED, None, True)),
        ("thanks exactly once by 1 day after case.closed", ExactlyOnce(THANKS, DAY, CLOSED)),
        ("bill_* before any thanks", Before(BILLS, THANKS)),
        ("thanks only if bill_* was sent within 1 day", OnlyIf(THANKS, BILLS, DAY)),
        ("every run ends within 1 day", Ends(DAY)),
        ("every run ends within 1 day after due", Ends(DAY, "due")),
        ("every run that sends thanks reaches the goal or ends with lapsed", Reaches(THANKS, "lapsed")),
        ("sometimes thanks", Sometimes(THANKS)),
        ("sometimes the run ends with lapsed", Sometimes(reason="lapsed")),
    ],
)
def test_each_form_becomes_its_value(text: str, form: Any) -> None:
    assert promise(text).form == form


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("t3", What("t3", steps=("t3",))),
        ("[thanks, t7, care]", What("[thanks, t7, care]", templates=("thanks",), steps=("t7",), classes=("care",))),
        ("[bill_*, bill_first]", What("[bill_*, bill_first]", templates=("bill_first", "bill_last"))),
        ("call desk.task", What("call desk.task", calls=("desk.task",))),
        ("email", What("email", channels=("email",))),
    ],
)
def test_what_is_sent_may_be_a_step_a_list_a_call_a_channel(word: str, what: What) -> None:
    form = promise(f"never send {word}").form
    assert isinstance(form, Never)
    assert form.what == what


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("the exit", Moment("the exit", "exit")),
        ("the exit lapsed", Moment("the exit lapsed", "exit", reason="lapsed")),
        ("the end", Moment("the end", "end")),
        ("due changes", Moment("due changes", "change", fact="due")),
    ],
)
def test_moments(text: str, moment: Moment) -> None:
    form = promise(f"never send thanks after {text}").form
    assert isinstance(form, Never)
    assert form.after == moment


def test_an_event_of_a_moment_may_have_a_condition() -> None:
    form = promise("never send thanks after money.came if event.left <= 0 and sum > 1 until case.closed").form
    assert isinstance(form, Never)
    assert form.after is not None
    assert form.after.condition is not None
    assert form.after.condition.text == "event.left <= 0 and sum > 1"
    assert form.until == CLOSED


def test_while_is_a_condition_over_customer_and_facts() -> None:
    form = promise("never send thanks while customer.silent and due < today").form
    assert isinstance(form, Never)
    assert form.condition is not None
    assert form.condition(Frame(customer={"silent": False}, facts={"due": "2026-01-01"})) is False


@pytest.mark.parametrize(
    ("text", "per_customer", "each"),
    [
        ("at most 1 bill_* within 1 day for each due", False, ("due",)),
        ("at most 1 bill_* for each due, policy", False, ("due", "policy")),
        ("never send bill_* after the goal per customer", True, ()),
        ("never send bill_* after the goal for each policy", False, ("policy",)),
        ("at most 1 bill_* within 1 day per customer", True, ()),
        ("thanks exactly once for each policy by 1 day after case.closed", False, ("policy",)),
    ],
)
def test_the_end_of_a_sentence_gives_its_scope(text: str, per_customer: bool, each: tuple[str, ...]) -> None:
    found = promise(text)
    assert (found.per_customer, found.each) == (per_customer, each)


def test_a_promise_may_hold_for_some_starts_only() -> None:
    found = promise("if customer.silent or event.sum > 5 at the start then never send thanks after the goal")
    assert found.when is not None
    assert found.when.text == "customer.silent or event.sum > 5"
    assert found.form == Never(THANKS, after=GOAL)


@pytest.mark.parametrize(
    ("text", "offset", "message", "hint"),
    [
        ("never sent thanks", 0, "this is no form of promise", "did you mean `never send W`?"),
        ("never send thnaks", 11, "`thnaks` is no template", "did you mean `thanks`?"),
        ("never send bil_*", 11, "no template matches `bil_*`", ""),
        ("never send [thanks, ofer]", 20, "`ofer` is no template", "did you mean `offer`?"),
        ("never send []", 11, "this list is empty", ""),
        ("never send call desk.tsk", 16, "there is no call `desk.tsk`", "did you mean `desk.task`?"),
        ("never send thanks after case.closd", 24, "there is no event type `case.closd`", "`case.closed`"),
        ("never send thanks after dawn", 24, "`dawn` is no moment", ""),
        ("never send thanks after dew changes", 24, "no fact or key field `dew`", "did you mean `due`?"),
        ("never send thanks after the exit laps", 33, "no run of this journey ends with `laps`", "`lapsed`"),
        ("never send thanks after money.came if event.lft > 0", 44, "no field `lft`", "did you mean"),
        ("never send thanks while customer.tier > 3", 24, "a text cannot be compared with a whole number", ""),
        ("never send thanks between 21:00 and 8:00", 36, "`8:00` is no time of day", "write 08:00"),
        ("never send thanks between 21:00 and 21:00", 36, "this span of the day is empty", ""),
        ("never send thanks within 3 dais after the goal", 25, "`dais` is no unit of time", ""),
        ("at most 0 thanks per run", 8, "`0` is no count of messages", "never send"),
        ("at most many thanks per run", 8, "`many` is no count of messages", ""),
        ("at most 2 thanks", 10, "does not say over which period", ""),
        ("at most 2 thanks within 1 day per week", 10, "two periods", ""),
        ("never send thanks per day", 18, "`day` belongs to `at most N W` only", ""),
        ("never send thanks per run per customer", 18, "per run and per customer", "keep one"),
        ("at most 1 thanks for each polcy", 26, "no fact or key field `polcy`", "did you mean `policy`?"),
        ("every run ends within 1 day after policy", 34, "`policy` is a text", "name a fact that is a date"),
        ("every run that sends thanks reaches the goal or ends with lost", 58, "no run of this journey ends", ""),
        ("if event.summ > 1 at the start then never send thanks", 9, "no field `summ`", "did you mean"),
    ],
)  # fmt: skip
def test_mistakes_have_their_place(text: str, offset: int, message: str, hint: str) -> None:
    found, problems = parse_promise(text, NAMES)
    assert found is None
    first = problems[0]
    assert first.offset == offset
    assert message in first.message
    assert hint in first.hint


def test_all_mistakes_of_a_sentence_come_at_once() -> None:
    _, problems = parse_promise("thnaks within 3 dais after case.closd for each polcy", NAMES)
    assert [one.offset for one in problems] == [0, 14, 27, 47]


def test_the_eighteen_forms_are_told_to_who_writes_another() -> None:
    assert len(SHAPES) == len(set(SHAPES)) == 18
