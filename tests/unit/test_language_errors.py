"""What `check` refuses in a journey file, with the hint that helps."""

import pytest

from tests.unit.language_kit import FLOW, compile_text, errors, journey, steps

SEND = "  - {id: a, send: hello, by: sms}\n"
DATED = "facts: {due_date: event.due_date}\n"
TWO_EVENTS = """
expire: 9 days after start
react:
  - when: [bill.moved, bill.paid]
    do:
      - {id: a, send: hello, by: sms, if: event.open_amount > 1}
"""
UNSURE_FINISH = """
facts: {d: {type: date}}
finish: after t
schedule: [{id: t, at: d 09:00, send: hello, by: sms}]
react: [{when: bill.moved, set: {d: event.due_date}}]
"""
TWO_DEADLINES = """
expire: 9 days after start
deadlines:
  - {id: d, after: 1 day, since: bill.due, do: [{id: a, send: hello, by: sms}]}
  - {id: d, after: 2 days, since: bill.due, do: [{id: b, send: hello, by: sms}]}
"""

CASES = [
    # form
    ("personalized: true" + FLOW, "`personalized` is no key of a journey | did you mean `personalised`?"),
    (
        "stage: served" + FLOW,
        "`served` is no stage | allowed: reach, interact, serve, convert, loyalty; did you mean `serve`?",
    ),
    (
        "class: marketting" + FLOW,
        "`marketting` is no class | allowed: mandatory, service, care, marketing; did you mean",
    ),
    ("name: {zh: 一}" + FLOW, "`en` is missing in a text in both languages | in English: a text"),
    ("name: A" + FLOW, "a text stands where a text in both languages must | its keys: zh, en"),
    ("start: bill.due" + FLOW, "a text stands where a start must | one of: when, silent, times, becomes"),
    ("start: {on: bill.due}" + FLOW, "a start without a word that says what it does"),
    ("start: {when: bill.due, becomes: customer.tags}" + FLOW, "`when` and `becomes` stand in a start"),
    ("again: always" + FLOW, "`always` is no re-entry | allowed: never, after exit"),
    ("again: {per: customer}" + FLOW, "`after` is missing in a re-entry"),
    ("key: policy_id" + FLOW, "a text stands where a list (the name of a field) must | begin with `- `"),
    ("flow: []", "this list has 0 entries | at least 1 must stand here"),
    ("metric: one", "this journey sends nothing | give it a `flow` or a `schedule`"),
    (steps("- {send: hello, by: sms}"), "`id` is missing in a send step | its name in the log"),
    (steps("- {id: A1, send: hello, by: sms}"), "`A1` is no name of a step | small letters"),
    (steps("- {id: a, send: hello}"), "`by` is missing in a send step"),
    (steps("- {id: a, send: hello, by: fax}"), "`fax` is no channel | allowed: sms, email"),
    (steps("- {id: a, send: hello, by: [sms, sms]}"), "`sms` stands twice | keep one"),
    (steps("- {id: a, send: hello, by: {first_of: [sms]}}"), "this list has 1 entries | at least 2 must stand here"),
    (steps("- {id: a, sned: hello, by: sms}"), "a step without a word that says what it does | did you mean `send`?"),
    (steps("- {id: a, send: hello, wait: 1 day, by: sms}"), "`send` and `wait` stand in a step | one of them only"),
    (steps("- {id: a, send: hello, channels: sms}"), "`channels` is no key of a send step | write `by`"),
    (steps("- {wait_for: bill.paid, timeout: 3 days}"), "`timeout` is no key of a wait_for step | write `within`"),
    (steps("- {webhook: task}"), "a step without a word that says what it does"),
    (steps("- {id: a, send: hello, by: sms, catch_up: 1 day}"), "`catch_up` is no key of a send step"),
    ("goal: {when: bill.paid, do: [{wait: 1 day}]}" + FLOW, "a step of a run that ends without a word"),
    ("exit: {when: bill.paid}" + FLOW, "`because` is missing in an exit"),
    ("schedule:\n  - {id: a, send: hello, by: sms}", "`at` is missing in a touch of the schedule"),
    # names
    ("start: {when: bill.deu}" + FLOW, "there is no event type `bill.deu` | did you mean `bill.due`?"),
    (steps("- {id: a, send: helo, by: sms}"), "there is no template `helo` | did you mean `hello`?"),
    (steps("- {call: tsk}"), "there is no call `tsk` | did you mean `task`?"),
    (steps("- {call: task, with: {type: cll}}"), "`cll` is not one of `collect`, `call`"),
    (steps("- {call: task, with: {type: call, level: x}}"), "`task` takes no `level`"),
    (steps("- {call: task}"), "`task` needs `type` | give it under `with`"),
    (steps("- {call: task, with: {type: call, n: many}}"), "`many` is not a whole number"),
    (steps("- {call: task, with: {type: {zh: 一, en: one}}}"), "a call has one language"),
    (
        steps("- {call: task, with: {type: call}, within: 1 day}"),
        "`within` stands on a call that saves nothing | add `save`, or delete it",
    ),
    (
        "start: {when: bill.due, if: event.numbr > 1}" + FLOW,
        "`event` has no field `numbr` | did you mean `event.number`?",
    ),
    ("start: {when: bill.due, if: number2 > 1}" + FLOW, "`number2` is not known here"),
    ("start: {when: bill.due, if: event.policy_id}" + FLOW, "a text is not a condition"),
    ("start: {when: bill.due, if: event.reason == 'x'}" + FLOW, "`event.reason` may be absent"),
    (
        "start: {when: bill.due, if: param.graec > 1}" + FLOW,
        "`param` has no field `graec` | did you mean `param.grace`?",
    ),
    # key
    ("key: [customer_id]" + FLOW, "`customer_id` stands in the key | delete it: runs are always counted per customer"),
    ("key: [policy_id, policy_id]" + FLOW, "`policy_id` stands twice in the key"),
    ("key: [polcy_id]" + FLOW, "`bill.due` carries no `polcy_id` | did you mean `policy_id`?"),
    ("start: {when: claim.filed}\nkey: [docs]" + FLOW, "`docs` is a list of texts | a key is made of single values"),
    (
        "start: {when: [bill.due, claim.filed]}\nkey: [policy_id]" + FLOW,
        "`bill.due` and `claim.filed` carry no `policy_id`",
    ),
    ("start: {when: birthday, at: 09:00}\nkey: []" + FLOW, "a birthday run has another key | write `key: [year]`"),
    (
        "start: {when: festival, at: 09:00}\nkey: [year]" + FLOW,
        "a festival run has another key | write `key: [festival_id, year]`",
    ),
    ("start: {when: birthday}\nkey: [year]" + FLOW, "`at` is missing in a birthday start"),
    ("start: {when: bill.due, at: 09:00}" + FLOW, "`at` stands on an event start"),
    ("start: {when: [birthday, bill.due], at: 09:00}\nkey: [year]" + FLOW, "`birthday` stands beside an event"),
    (
        "start: {silent: visit.made, for: 9 days, by: lien}\nkey: [lien]" + FLOW,
        "`visit.made` carries no `lien` | did you mean `line`?",
    ),
    (
        "start: {silent: visit.made, for: 9 days, by: line}\nkey: []" + FLOW,
        "the key is not `line`, by which the start counts",
    ),
    (
        "start: {times: 3, of: visit.made, within: 1 month, by: line}\nkey: [line]" + FLOW,
        "`1 month` has no exact length",
    ),
    (
        "start: {times: 3, of: visit.made, within: 7 days, by: page, and_no: policy.sold}\nkey: [page]" + FLOW,
        "`policy.sold` carries no `page` | both event types need the field of `by`",
    ),
    ("start: {becomes: customer.tags}\nkey: [policy_id]" + FLOW, "a change of the profile carries no key fields"),
    (
        "start: [{when: bill.due}, {silent: visit.made, for: 9 days, by: line}]" + FLOW,
        "this start stands beside others | only event starts may stand in a list",
    ),
    # facts
    ("facts: {event: event.number}" + FLOW, "`event` is a word of the language | give the fact another name"),
    ("facts: {today: event.number}" + FLOW, "`today` is a word of the language"),
    ("facts: {start: event.number}" + FLOW, "`start` is a word of the language"),
    ("facts: {number: event.number}" + FLOW, "`number` is known already: it belongs to the key"),
    ("facts: {a: b + 1, b: a + 1}" + FLOW, "these facts need each other: a -> b -> a"),
    ("facts: {a: c + 1, c: b + 1, b: a + 1}" + FLOW, "these facts need each other: a -> c -> b -> a"),
    ("facts: {a: a + 1}" + FLOW, "these facts need each other: a -> a"),
    (
        "facts:\n  n: event.number\n  m: n + event.number" + FLOW,
        "`m` mixes `event.number` with facts that may change | capture it first",
    ),
    (
        "facts:\n  d: event.due_date\n  m: d - today" + FLOW,
        "`m` mixes `today` with facts that may change | capture it first",
    ),
    ("facts: {a: {type: dat}}" + FLOW, "`dat` is no type | did you mean `date`?"),
    ("facts: {a: {optional: true}}" + FLOW, "the fact `a` has neither type nor value"),
    ("facts: {a: {type: object}}" + FLOW, "a fact holds one value or a list"),
    ("facts: {a: {type: date, value: event.number}}" + FLOW, "this is a whole number, but a date is wanted"),
    ("facts: {a: {type: text, value: event.reason}}" + FLOW, "`event.reason` may be absent"),
    (
        "params: {grace: {type: text, value: x}}" + FLOW,
        "the project's `grace` is a whole number | give it the same type",
    ),
    ("params: {new: {type: int, value: x}}" + FLOW, "`x` is not a whole number"),
    # sets
    (
        DATED + steps("- {set: {due_dat: today}}", "- {id: a, send: hello, by: sms}"),
        "there is no fact `due_dat` | did you mean",
    ),
    (
        DATED + steps("- {set: {due_date: number}}", "- {id: a, send: hello, by: sms}"),
        "this is a whole number, but a date is wanted",
    ),
    (
        DATED + steps("- {set: {number: 1}}", "- {id: a, send: hello, by: sms}"),
        "`number` belongs to the key and never changes",
    ),
    (
        "facts: {due_date: event.due_date, last: due_date + days(1)}\n" + steps("- {set: {last: today}}", SEND.strip()),
        "`last` is derived and cannot be set | set the facts that it is derived from; it follows",
    ),
    # times on dates
    (
        "schedule:\n  - {id: a, at: due_date 09:00, send: hello, by: sms}",
        "there is no fact `due_date` | facts that are dates: none",
    ),
    (
        DATED + "schedule:\n  - {id: a, at: due_dat 09:00, send: hello, by: sms}",
        "there is no fact `due_dat` | did you mean `due_date`?",
    ),
    (
        "schedule:\n  - {id: a, at: number 09:00, send: hello, by: sms}",
        "`number` is a whole number, but a date must stand here",
    ),
    (
        DATED + "schedule:\n  - {id: a, at: 3 days befor due_date 09:00, send: hello, by: sms}",
        "`3 days befor due_date 09:00` is no local",
    ),
    (
        DATED + "schedule:\n  - {id: a, at: 3 hours before due_date 09:00, send: hello, by: sms}",
        "`3 hours` cannot be counted from a date",
    ),
    (DATED + "schedule:\n  - {id: a, at: -P3D 09:00, send: hello, by: sms}", "`-P3D 09:00` is ISO 8601"),
    # which event
    (
        steps("- {id: a, send: hello, by: sms, if: event.number > 1}"),
        "there is no event here | declare a fact, `number: event.number`",
    ),
    (
        TWO_EVENTS,
        "`event` has no field `open_amount`",
    ),
    (
        "goal: {when: {when: bill.paid, if: event.number > 1}, if: event.number > 2}" + FLOW,
        "two conditions stand for one event",
    ),
    (
        steps("- {wait_for: bill.paid, if: before.customer.tier == 'basic', within: 1 day}"),
        "there is no value before the event here",
    ),
    # ids and reach
    ("flow:\n" + SEND + SEND, "two steps have the id `a` | the first is on line"),
    ("goal: {when: bill.paid, do: [{id: hello, send: bye, by: sms}]}" + FLOW, "two steps have the id `hello`"),
    (
        steps(
            "- choose:", "    - {if: number > 1, do: [{id: a, send: hello, by: sms}]}", "- {id: a, send: bye, by: sms}"
        ),
        "two steps have the id `a`",
    ),
    (
        steps("- {id: call_1, send: hello, by: sms}", "- {call: escalate, with: {level: L1}}"),
        "two steps have the id `call_1`",
    ),
    (steps("- {end: done}", "- {id: a, send: hello, by: sms}"), "this step is never reached"),
    (
        steps(
            "- choose:",
            "    - {if: number > 1, do: [{end: x}]}",
            "    - otherwise: [{end: y}]",
            "- {id: a, send: hello, by: sms}",
        ),
        "this step is never reached | every way ends in the step on line",
    ),
    (
        steps(
            "- wait_for: bill.paid",
            "  within: 1 day",
            "  then: [{end: x}]",
            "  otherwise: [{end: y}]",
            "- {id: a, send: hello, by: sms}",
        ),
        "this step is never reached",
    ),
    (
        steps("- choose:", "    - otherwise: [{end: y}]", "    - {if: number > 1, do: [{end: x}]}"),
        "branches below `otherwise` are never reached",
    ),
    (steps("- wait_for: bill.paid", "  otherwise: [{end: x}]"), "this `otherwise` is never reached"),
    (
        steps("- wait_for: bill.paid", "  within: 1 day", "  until: 2 days later 10:00"),
        "`within` and `until` stand on one wait",
    ),
    # no end (Q39)
    (
        steps("- wait_for: bill.paid", SEND.strip()),
        "a run could live for ever: this wait has no end | say when nothing matters",
    ),
    (
        "react: [{when: bill.moved, do: [{id: a, send: hello, by: sms}]}]",
        "a run could live for ever: it waits for events to react to",
    ),
    (
        "deadlines: [{id: d, after: 1 day, since: bill.due, do: [{id: a, send: hello, by: sms}]}]",
        "a run could live for ever: its deadlines watch on",
    ),
    (
        "facts: {d: {type: date}}\nexpire: 3 days after d" + FLOW,
        "a run could live for ever: `d` may never be set | count from the start",
    ),
    ("expire: 3 days after due" + FLOW, "there is no fact `due`"),
    (DATED + "expire: 3 hours after due_date" + FLOW, "`3 hours` cannot be counted from a date"),
    ("expire: next week" + FLOW, "`next week` is no end | write it as `75 days after due_date`"),
    ("finish: after nothing" + FLOW, "`nothing` is no touch of the schedule"),
    (
        UNSURE_FINISH,
        "a run could live for ever: `d`, on which `t` hangs, may never be set",
    ),
    # the rest
    (
        "expire: 9 days after start\nreact: [{when: bill.moved}]" + FLOW,
        "this reaction does nothing | give it `set` or `do`",
    ),
    (
        "expire: 9 days after start\nreact: [{when: bill.moved, parallel: true, do: [{id: a, send: hello, by: sms}]}]",
        "`parallel` stands where nothing waits",
    ),
    (
        TWO_DEADLINES,
        "two deadlines have the id `d`",
    ),
    (
        steps("- experiment: x", "  metric: m", "  arms: {a: {percent: 50}, b: {percent: 40}}"),
        "the arms have 90 percent of the customers | their percents give 100 together",
    ),
    (
        steps("- experiment: x", "  arms: {a: {percent: 50}, b: {percent: 50}}"),
        "`metric` is missing in an experiment step",
    ),
    ("limit: 2000 per week" + FLOW, "`2000 per week` is no limit | write it as `2000 per hour`; minute, hour or day"),
    ("pause: {classes: [marketing], until: 14 days}" + FLOW, "`14 days` is no end of a pause"),
    ("control: {percent: 100}" + FLOW, "100 is out of range | a whole number from 1 to 99"),
    ("valid_for: some day" + FLOW, "`some day` is no duration"),
    (
        "not_while: customer.open_clams" + FLOW,
        "`customer` has no field `open_clams` | did you mean `customer.open_claims`?",
    ),
]


@pytest.mark.parametrize(("body", "said"), CASES)
def test_a_mistake_is_told_with_a_hint(body: str, said: str) -> None:
    assert any(error.startswith(said) for error in errors(body)), errors(body)


@pytest.mark.parametrize(
    "word", ["name", "stage", "class", "priority", "start", "key", "again"]
)  # fmt: skip
def test_nothing_is_on_by_accident(word: str) -> None:
    assert any(error.startswith(f"`{word}` is missing in a journey") for error in errors(FLOW, without=word))


def test_the_file_has_the_name_of_its_journey() -> None:
    _, problems = compile_text(journey(FLOW, name="other"), "j")
    assert [(p.message, p.hint) for p in problems] == [
        ("the journey is called `other` and its file `j`", "give both the same name")
    ]


@pytest.mark.parametrize(
    "body",
    [
        "facts: {due: event.due_dat}\nschedule: [{id: t, at: due 09:00, send: hello, by: sms, if: due > today}]",
        "start: {when: bill.deu, if: event.anything > 1}\nfacts: {x: event.other}" + FLOW,
        "key: [polcy_id]\nfacts: {x: polcy_id}" + FLOW,
        "facts: {a: b + 1, b: a + 1, c: a + 1}\nflow: [{id: h, send: hello, by: sms, if: c > 1}]",
    ],
)
def test_one_mistake_is_told_once_and_not_at_each_place_that_hangs_on_it(body: str) -> None:
    assert len(errors(body)) == 1
