"""What a journey file compiles to: each word of language.md once, with its defaults."""

from typing import Any

import pytest

from sojourn.core.book import (
    Again,
    At,
    BecomesStart,
    CallNode,
    ChooseNode,
    DayStart,
    Duration,
    EventStart,
    ExperimentNode,
    Expire,
    PatternStart,
    PauseSpec,
    SendNode,
    SetNode,
    SilenceStart,
    WaitForNode,
    WaitNode,
)
from sojourn.core.conditions import Frame
from sojourn.core.types import DATE, DECIMAL, INT, TEXT
from sojourn.core.zones import DAY, HOUR
from sojourn.definitions.compiler import cross_check
from sojourn.definitions.problems import Problems
from tests.unit.language_kit import FLOW, compile_text, good, journey, steps


def node(body: str, ref: str) -> Any:
    return good(body).journey.nodes[ref]


# ---- who enters


def test_an_event_start_carries_its_condition_and_its_entity() -> None:
    found = good("start: {when: bill.due, if: event.number >= 2}" + FLOW).journey
    (start,) = found.starts
    assert isinstance(start, EventStart)
    assert [match.type for match in start.events] == ["bill.due"]
    condition = start.events[0].condition
    assert condition is not None
    assert condition(Frame(event={"number": 2})) is True
    assert found.start_entity == "bill"
    assert found.key == ("policy_id", "number")


def test_several_events_may_start_and_share_fields_of_one_type() -> None:
    body = """
        start:
          - when: bill.due
            if: event.number > 1
          - when: [bill.moved, {when: bill.paid, if: event.open_amount > 0}]
        facts: {p: event.policy_id}
    """
    found = good(body + FLOW.replace("\n", "\n        ")).journey
    assert [[match.type for match in start.events] for start in found.starts] == [  # type: ignore[union-attr]
        ["bill.due"],
        ["bill.moved", "bill.paid"],
    ]


@pytest.mark.parametrize(
    ("start", "key", "expected"),
    [
        ("{when: birthday, at: 09:00}", "[year]", DayStart("birthday", 9 * HOUR)),
        ("{when: festival, at: 10:00}", "[festival_id, year]", DayStart("festival", 10 * HOUR)),
        (
            "{silent: visit.made, for: 180 days, by: line}",
            "[line]",
            SilenceStart("visit.made", Duration(days=180, text="180 days"), "line"),
        ),
        (
            "{times: 3, of: visit.made, within: 7 days, by: line, and_no: policy.sold}",
            "[line]",
            PatternStart(3, "visit.made", 7 * DAY, "line", "policy.sold"),
        ),
    ],
)
def test_days_silence_and_patterns_start_runs(start: str, key: str, expected: object) -> None:
    assert good(f"start: {start}\nkey: {key}" + FLOW).journey.starts == (expected,)


def test_key_fields_of_a_day_are_bare_names_with_types() -> None:
    start = "start:\n  when: festival\n  at: 10:00\n  if: festival_id in ['a', 'b'] and year > 2026\n"
    body = start + "key: [festival_id, year]"
    found = good(body + FLOW).journey
    assert found.fact_types == {"festival_id": TEXT, "year": INT}
    condition = found.starts[0].condition  # type: ignore[union-attr]
    assert condition is not None
    assert condition(Frame(facts={"festival_id": "a", "year": 2027})) is True


def test_a_change_of_the_profile_starts_a_run() -> None:
    found = good("start: {becomes: \"'vip' in customer.tags\"}\nkey: []" + FLOW).journey
    assert isinstance(found.starts[0], BecomesStart)
    assert found.key == ()


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ("never", Again("never")),
        ("after exit", Again("exit")),
        ("{after: 60 days}", Again("after", Duration(days=60, text="60 days"))),
        ("{after: 60 days, per: customer}", Again("after", Duration(days=60, text="60 days"), True)),
        ("{after: 1 month, per: key}", Again("after", Duration(months=1, text="1 month"))),
    ],
)
def test_again_says_when_a_run_may_start_anew(again: str, expected: Again) -> None:
    assert good(f"again: {again}" + FLOW).journey.again == expected


# ---- facts and parameters


def test_facts_are_typed_captured_first_and_derived_in_order_of_need() -> None:
    body = """
facts:
  last: middle + days(1)
  middle: due_date + days(60)
  due_date: event.due_date
  amount: event.amount
  signed: {type: date}
  until: signed + days(15)
  why: {type: text, value: event.reason | default('none given')}
  maybe: event.reason
"""
    found = good(body + FLOW).journey
    facts = {fact.name: fact for fact in found.facts}
    assert [fact.name for fact in found.facts if fact.derived] == ["middle", "last", "until"]
    assert list(facts)[:5] == ["due_date", "amount", "signed", "why", "maybe"]
    assert facts["due_date"].type == facts["last"].type == DATE
    assert facts["amount"].type == DECIMAL
    assert facts["signed"].type == facts["until"].type == DATE.optional()
    assert facts["signed"].value is None
    assert facts["why"].type == TEXT
    assert facts["maybe"].type == TEXT.optional()


def test_a_derived_fact_of_an_absent_one_is_absent() -> None:
    found = good("facts:\n  signed: {type: date}\n  until: signed + days(15)" + FLOW).journey
    derived = found.facts[1].value
    assert derived is not None
    assert derived(Frame(facts={"signed": None})) is None
    assert str(derived(Frame(facts={"signed": "2026-03-01"}))) == "2026-03-16"


def test_a_journey_sets_parameters_of_its_own_over_the_projects() -> None:
    body = """
params:
  grace: {type: int, value: 30}
  word: {type: text, zh: 你好, en: hello}
start: {when: bill.due, if: event.number < param.grace}
"""
    compiled = good(body + FLOW)
    assert compiled.journey.params == {
        "grace": 30,
        "gift": {"zh-CN": "礼", "en": "a gift"},
        "word": {"zh-CN": "你好", "en": "hello"},
    }
    assert compiled.parameters["grace"].value == 30


# ---- schedule


def test_a_touch_hangs_on_a_date_and_takes_what_the_journey_says() -> None:
    body = """
class: marketing
priority: 40
on_cap: drop
catch_up: 24 hours
facts: {due_date: event.due_date}
schedule:
  - {id: t3, at: 3 days before due_date 09:00, send: reminder, by: [sms, email]}
  - {id: m1, at: 1 month after due_date 10:30, send: reminder_final, by: {first_of: [email, sms]}, class: mandatory,
     priority: 90, valid_for: same day, on_cap: defer, catch_up: 1 hour, urgent: true}
  - {id: c, at: due_date 00:00, call: task, with: {type: call}, touch: true}
"""
    found = good(body).journey
    assert [(touch.id, touch.ref, touch.at) for touch in found.schedule] == [
        ("t3", "t3", At("due_date", 9 * HOUR, -3, 0, "3 days before due_date 09:00")),
        ("m1", "m1", At("due_date", 10 * HOUR + 30 * 60_000, 0, 1, "1 month after due_date 10:30")),
        ("c", "c", At("due_date", 0, 0, 0, "due_date 00:00")),
    ]
    first, second, call = (found.nodes[name] for name in ("t3", "m1", "c"))
    assert isinstance(first, SendNode)
    assert isinstance(second, SendNode)
    assert isinstance(call, CallNode)
    assert (first.by, second.by) == ((("sms",), ("email",)), (("email", "sms"),))
    assert (first.body, first.next, call.touch) == ("schedule", None, True)
    one, other = first.delivery, second.delivery
    assert (one.klass, one.priority, one.valid_for, one.urgent, one.drop) == (
        "marketing",
        40,
        Duration(days=3),
        False,
        True,
    )
    assert one.catch_up == Duration(ms=24 * HOUR, text="24 hours")
    assert (other.klass, other.priority, other.valid_for, other.urgent, other.drop) == (
        "mandatory",
        90,
        None,
        True,
        False,
    )
    assert other.catch_up == Duration(ms=HOUR, text="1 hour")
    assert found.channels == {"sms", "email"}


def test_without_words_a_message_takes_the_defaults_of_its_class() -> None:
    delivery = node(FLOW, "hello").delivery
    assert (delivery.klass, delivery.valid_for, delivery.urgent, delivery.drop) == (
        "service",
        Duration(days=2),
        False,
        False,
    )
    assert delivery.catch_up == Duration()


# ---- flow


FORK = """
flow:
  - wait_for: bill.paid
    if: event.open_amount <= 0
    within: 7 days
    then:
      - {id: thanks, send: hello, by: sms}
    otherwise:
      - {id: nudge, send: reminder, by: email}
      - wait_for: bill.paid
        until: 2 days later 10:00
        otherwise:
          - end: no_answer
  - {id: last, send: bye, by: sms}
"""


def test_both_ways_of_a_wait_go_on_below() -> None:
    compiled, problems = compile_text(journey(FORK))
    assert compiled is not None
    nodes: Any = compiled.journey.nodes
    wait, inner = nodes["wait_for_1"], nodes["wait_for_2"]
    assert isinstance(wait, WaitForNode)
    assert (compiled.journey.flow, wait.then, wait.otherwise, wait.next) == ("wait_for_1", "thanks", "nudge", "last")
    assert nodes["thanks"].next == "last"
    assert nodes["nudge"].next == "wait_for_2"
    assert (inner.then, inner.otherwise, inner.next) == (None, "end_1", "last")
    assert inner.until == At(None, 10 * HOUR, 2, 0, "2 days later 10:00")
    assert nodes["end_1"].reason == "no_answer"
    assert [(p.severity, p.message) for p in problems] == [("note", "both ways of this wait go on below, with `last`")]


def test_steps_know_the_waits_above_and_the_events_ahead() -> None:
    nodes: Any = good(FORK).journey.nodes
    assert nodes["nudge"].otherwise_of == ("wait_for_1",)
    assert nodes["end_1"].otherwise_of == ("wait_for_1", "wait_for_2")
    assert nodes["thanks"].otherwise_of == nodes["last"].otherwise_of == ()
    assert nodes["nudge"].ahead == nodes["wait_for_1"].ahead == {"bill.paid"}
    assert nodes["thanks"].ahead == nodes["last"].ahead == frozenset()


def test_unnamed_steps_are_counted_by_kind_in_the_order_of_the_file() -> None:
    body = """
deadlines:
  - {id: d, after: 3 days, since: bill.due, do: [{call: escalate, with: {level: L1}}]}
expire: 90 days after start
flow:
  - call: task
    with: {type: call}
  - choose:
      - if: number > 1
        do: [{wait: 1 day}, {call: escalate, with: {level: L2}}]
      - otherwise: [{wait: 2 days}]
  - {id: named, call: task, with: {type: call}}
  - {call: task, with: {type: collect}}
"""
    found = good(body).journey
    assert list(found.order) == ["call_1", "call_2", "choose_1", "wait_1", "call_3", "wait_2", "named", "call_4"]
    assert found.deadlines[0].entry == "call_1"
    assert found.nodes["call_1"].body == "deadline.d"


def test_one_id_may_repeat_in_branches_that_exclude_each_other() -> None:
    body = """
flow:
  - choose:
      - if: number > 1
        do: [{id: offer, send: offer_a, by: sms}]
      - otherwise: [{id: offer, send: offer_b, by: sms}]
"""
    found = good(body).journey
    choose = found.nodes["choose_1"]
    assert isinstance(choose, ChooseNode)
    assert [found.nodes[ref].id for ref in ("offer~1", "offer~2")] == ["offer", "offer"]
    assert (choose.branches[0][1], choose.otherwise) == ("offer~1", "offer~2")


def test_an_experiment_has_arms_with_shares_that_add_up() -> None:
    body = """
flow:
  - experiment: colour
    metric: share that pays
    arms:
      a: {percent: 30, do: [{id: x, send: offer_a, by: sms}]}
      b: {percent: 50, do: [{id: x, send: offer_b, by: sms}]}
      none: {percent: 20}
"""
    experiment = node(body, "experiment_1")
    assert isinstance(experiment, ExperimentNode)
    assert experiment.arms == (("a", 30, "x~1"), ("b", 80, "x~2"), ("none", 100, None))
    assert (experiment.name, experiment.metric) == ("colour", "share that pays")


def test_waits_take_durations_of_three_kinds_and_local_times() -> None:
    body = """
facts: {due_date: event.due_date}
flow:
  - wait: 36 hours
  - wait: 2 weeks
  - wait: 2 business days
  - wait: 4 business hours
  - wait_until: 2 days later 10:00
  - wait_until: 1 year after due_date 09:00
  - {id: a, send: hello, by: sms}
"""
    nodes: Any = good(body).journey.nodes
    assert [nodes[f"wait_{n}"].duration for n in (1, 2, 3, 4)] == [
        Duration(ms=36 * HOUR, text="36 hours"),
        Duration(days=14, text="2 weeks"),
        Duration(business_days=2, text="2 business days"),
        Duration(business_ms=4 * HOUR, text="4 business hours"),
    ]
    assert isinstance(nodes["wait_until_1"], WaitNode)
    assert nodes["wait_until_2"].until == At("due_date", 9 * HOUR, 0, 12, "1 year after due_date 09:00")


def test_a_call_takes_typed_arguments_and_saves_its_answer() -> None:
    body = """
facts: {task: {type: text}, n: {type: int, value: "1"}}
flow:
  - call: task
    with: {type: collect, n: "= number + 1", due: 3 days}
    save: {task: answer.task_id, n: answer.count}
    within: 1 hour
    otherwise: [{id: sorry, send: bye, by: sms}]
  - {id: a, send: hello, by: sms, with: {who: "= task | default('x')", word: {zh: 你, en: you}, plain: text}}
"""
    found: Any = good(body).journey.nodes
    call = found["call_1"]
    assert call.arguments["type"] == "collect"
    assert call.arguments["n"](Frame(facts={"number": 2})) == 3
    assert (call.within, call.otherwise, call.next) == (Duration(ms=HOUR, text="1 hour"), "sorry", "a")
    assert set(call.save) == {"task", "n"}
    assert call.example == {"task_id": "T1", "count": 1}
    values = found["a"].values
    assert values["who"](Frame(facts={"task": "T"})) == "T"
    assert (values["word"], values["plain"]) == ({"zh-CN": "你", "en": "you"}, "text")


def test_set_changes_facts_and_sent_asks_for_a_step() -> None:
    body = """
facts: {state: "'new'", due_date: event.due_date}
flow:
  - {id: a, send: hello, by: sms}
  - set: {state: "'told'"}
  - {id: b, send: bye, by: sms, if: "sent('a') and state == 'told'"}
"""
    found: Any = good(body).journey.nodes
    assert isinstance(found["set_1"], SetNode)
    assert found["b"].condition(Frame(facts={"state": "told"}, sent=("a",))) is True


# ---- react, deadlines, ends


REACT = """
expire: 75 days after due_date
facts: {due_date: event.due_date}
flow:
  - {id: hello, send: hello, by: sms}
react:
  - when: bill.moved
    if: event.due_date != due_date
    set: {due_date: event.due_date}
    do:
      - {id: chg, send: reminder, by: sms, with: {day: "= event.due_date"}}
  - when: [claim.docs, claim.filed]
    parallel: true
    once: true
    do:
      - {id: docs, send: reminder, by: sms, if: event.claim_id != ''}
      - {wait_for: {when: claim.docs, if: event.complete}, within: 3 days, otherwise: [{id: late, send: bye, by: sms}]}
"""


def test_reactions_set_facts_and_run_steps_under_their_event() -> None:
    found = good(REACT).journey
    first, second = found.reactions
    assert (first.id, first.entry, first.once, first.parallel, first.waits) == ("react.0", "chg", False, False, False)
    assert set(first.sets) == {"due_date"}
    assert (second.id, second.entry, second.once, second.parallel, second.waits) == (
        "react.1",
        "docs",
        True,
        True,
        True,
    )
    assert [match.type for match in second.events] == ["claim.docs", "claim.filed"]
    assert found.nodes["late"].body == "react.1"
    assert found.expire == Expire(Duration(days=75, text="75 days"), "due_date")


def test_a_journey_lists_what_it_listens_to_and_what_steps_read_later() -> None:
    body = (
        REACT
        + "goal: {when: bill.paid, if: event.open_amount <= 0,"
        + " do: [{id: r, send: receipt, by: sms, with: {x: '= event.reason'}}]}\n"
    )
    found = good(body).journey
    assert found.listens == {"bill.moved", "claim.docs", "claim.filed", "bill.paid"}
    assert found.early == {"bill.moved", "claim.docs", "claim.filed"}
    assert found.reads["bill.moved"] >= {"due_date"}
    assert found.reads["bill.paid"] == {"reason"}
    assert found.reads["claim.docs"] >= {"claim_id"}


def test_deadlines_start_stop_rest_and_fire_at_most_so_often() -> None:
    body = """
expire: 180 days after start
deadlines:
  - id: quiet
    after: 3 days
    since: [claim.filed, {when: claim.moved, if: event.node == 'open'}]
    stop: claim.docs
    rest: {from: bill.due, until: {when: claim.docs, if: event.complete}}
    at_most: 3
    do:
      - {id: sorry, send: bye, by: sms}
"""
    (spec,) = good(body).journey.deadlines
    assert (spec.id, spec.after, spec.at_most, spec.entry) == ("quiet", Duration(days=3, text="3 days"), 3, "sorry")
    assert [match.type for match in spec.since] == ["claim.filed", "claim.moved"]
    assert [match.type for match in (*spec.stop, *spec.rest_from, *spec.rest_until)] == [
        "claim.docs",
        "bill.due",
        "claim.docs",
    ]


def test_goals_come_before_exits_and_have_reasons() -> None:
    body = """
exit:
  - {when: life.ended, because: deceased}
  - {becomes: customer.open_claims, because: claim, do: [{id: bye, send: bye, by: sms}]}
goal:
  - {when: bill.paid, do: [{id: receipt, send: receipt, by: sms}]}
  - {when: policy.sold, because: bought}
"""
    endings = good(body + FLOW).journey.endings
    assert [(ending.id, ending.goal, ending.reason, ending.entry) for ending in endings] == [
        ("goal.0", True, "goal", "receipt"),
        ("goal.1", True, "bought", None),
        ("exit.0", False, "deceased", None),
        ("exit.1", False, "claim", "bye"),
    ]
    assert endings[3].events == ()
    assert endings[3].becomes is not None


def test_the_other_words_of_a_journey() -> None:
    body = """
facts: {due_date: event.due_date}
schedule: [{id: t, at: due_date 09:00, send: hello, by: sms, not_while: customer.open_claims}]
finish: after t
pause: {classes: [marketing, care], until: 14 days after end}
not_while: [customer.open_claims, "customer.age is not none and customer.age < 18"]
personalised: true
control: {percent: 10}
limit: 2000 per hour
promises: [never send reminder after the goal]
review_by: 2027-01-31
metric: share that pays
guardrail: complaints
"""
    compiled = good(body)
    found = compiled.journey
    assert found.finish == "t"
    assert found.pauses == PauseSpec(("marketing", "care"), Duration(days=14, text="14 days"))
    assert len(found.not_while) == 2
    assert len(found.nodes["t"].not_while) == 1  # type: ignore[attr-defined]
    assert (found.personalised, found.control, found.limit) == (True, ("j", 10), (2000, HOUR))
    assert found.promises == ("never send reminder after the goal",)
    assert compiled.promises[0].place.line > 1


def test_one_event_may_stand_with_several_conditions_and_groups_share_the_one_beside() -> None:
    body = """
goal:
  - when: [{when: bill.paid, if: event.number > 1}, {when: bill.paid, if: event.open_amount <= 0}]
  - when: [bill.paid, {when: [bill.moved, bill.due]}]
    if: event.number > 2
"""
    first, second = good(body + FLOW).journey.endings
    assert [(m.type, m.condition.text) for m in first.events if m.condition] == [
        ("bill.paid", "event.number > 1"),
        ("bill.paid", "event.open_amount <= 0"),
    ]
    assert [(m.type, m.condition.text) for m in second.events if m.condition] == [
        ("bill.paid", "event.number > 2"),
        ("bill.moved", "event.number > 2"),
        ("bill.due", "event.number > 2"),
    ]


# ---- what is at hand at a step


def test_each_send_has_its_scope_for_linking_templates() -> None:
    compiled = good(REACT + "goal: {when: bill.paid, do: [{id: r, send: receipt, by: sms}]}\n")
    assert compiled.event_types == {
        "hello": (),
        "chg": ("bill.moved",),
        "docs": ("claim.docs", "claim.filed"),
        "late": ("claim.docs", "claim.filed"),
        "r": ("bill.paid",),
    }
    assert compiled.scopes["hello"].event is None
    assert set(compiled.scopes["docs"].event or {}) == {"claim_id"}  # what both have
    assert compiled.scopes["r"].facts["due_date"] == DATE
    assert compiled.places["chg"].line > compiled.places["hello"].line


def test_below_a_then_that_goes_on_no_event_is_certain() -> None:
    body = """
expire: 30 days after start
react:
  - when: bill.moved
    do:
      - wait_for: bill.paid
        within: 3 days
        then: [{id: in_then, send: hello, by: sms}]
        otherwise: [{id: in_otherwise, send: hello, by: sms}]
      - {id: below, send: hello, by: sms}
"""
    types = good(body + FLOW.replace("hello, send", "h, send")).event_types
    assert (types["in_then"], types["in_otherwise"], types["below"]) == (("bill.paid",), ("bill.moved",), ())


# ---- digest and names


def test_the_digest_counts_content_and_not_its_looks() -> None:
    one = good("flow:\n  - {id: a, send: hello, by: sms}\n").journey.digest
    other = good("# a comment\nflow:\n  - by: 'sms'\n    send: hello\n    id: a\n").journey.digest
    third = good("flow:\n  - {id: a, send: hello, by: email}\n").journey.digest
    assert one == other
    assert one != third


def test_names_are_the_only_ones_in_a_project() -> None:
    body = "control: {percent: 10, name: c}" + FLOW
    one, _ = compile_text(journey(body, name="a"), "a")
    other, _ = compile_text(journey(body, name="b"), "b")
    assert one is not None
    assert other is not None
    problems = Problems()
    cross_check([one, other], problems)
    assert [(p.file, p.message) for p in problems] == [("journeys/b.yaml", "two have the name `c`: control group")]


def test_the_parts_of_a_journey_are_found_by_their_bodies() -> None:
    nodes = good(REACT).journey.nodes
    assert {ref: one.body for ref, one in nodes.items()} == {
        "hello": "flow", "chg": "react.0", "docs": "react.1", "wait_for_1": "react.1", "late": "react.1",
    }  # fmt: skip


def test_a_single_flow_step_is_told_by_its_word() -> None:
    assert isinstance(node(steps("- wait: 1 day", "- {id: a, send: hello, by: sms}"), "wait_1"), WaitNode)
