"""The grammar of steps: what may stand in `flow`, in a `do`, and in the schedule."""

from typing import Final

from sojourn.definitions.durations import AT, DURATION, MOMENT, VALIDITY
from sojourn.definitions.grammar import (
    Boolean,
    ByWord,
    Choice,
    F,
    Integer,
    ListOf,
    MapOf,
    Name,
    Record,
    Ref,
    Text,
)
from sojourn.definitions.vocabulary import (
    BY,
    CALL_NAME,
    CLASSES,
    CONDITION,
    EVENTS,
    REASON,
    SETS,
    STEP_ID,
    SYNONYMS,
    TEMPLATE,
    VALUES,
)

STEPS: Final = Ref("steps", lambda: ListOf(STEP, least=1))
CLOSING_STEPS: Final = Ref("closing_steps", lambda: ListOf(CLOSING_STEP, least=1))

_OWN_ID: Final = F("id", STEP_ID, "its name in the log; without one it gets kind_n, as call_1 (Q50)")
_IF: Final = F("if", CONDITION, "judged when the step is reached; false: the step is passed over")
_CLASS: Final = F("class", Choice(CLASSES, "class"), "the class of this touch, where it differs from the journey's")
_PRIORITY: Final = F("priority", Integer(0, 100), "the priority of this touch (N13)")
_VALID_FOR: Final = F(
    "valid_for", VALIDITY, "how long it may wait to be handed over; `same day`: until local midnight (N6)"
)
_CATCH_UP: Final = F(
    "catch_up", DURATION, "a touch that is past by no more than this when its date comes is due at once (N5)"
)
_ON_CAP: Final = F(
    "on_cap",
    Choice(("defer", "drop"), "answer to the cap"),
    "what happens when the cap is full: the next day, or not at all (N13)",
)
_URGENT: Final = F("urgent", Boolean(), "goes out in quiet hours, too (N14)")
_DELIVERY: Final = (_CLASS, _PRIORITY, _VALID_FOR, _ON_CAP, _URGENT)

_NOT_WHILE: Final = F(
    "not_while",
    ListOf(CONDITION, least=1, or_one=True),
    "while one holds, this message is suppressed, beside the journey's own (Q23)",
)
_SEND: Final = (
    F("send", TEMPLATE, "the template of the message", required=True),
    F(
        "by",
        BY,
        "the channel; a list: each of them; first_of: the first that is usable (N12, Q16)",
        required=True,
    ),
    F("with", VALUES, "values for the template, before all others (Q3)"),
)
_CALL: Final = (
    F("call", CALL_NAME, "the other system to call, as declared in schemas/calls.yaml (Q26)", required=True),
    F("with", VALUES, "the arguments of the call"),
    F("touch", Boolean(), "a person will contact the customer: the guards of the class hold (Q26)"),
)


def _choose(name: str, steps: Ref) -> Record:
    branch = ByWord(
        "a branch",
        {
            "if": Record(
                "a branch",
                (
                    F("if", CONDITION, "the first branch whose condition holds is taken", required=True),
                    F("do", steps, "its steps", required=True),
                ),
                hints=SYNONYMS,
            ),
            "otherwise": Record(
                "the last branch",
                (F("otherwise", steps, "taken when no condition holds", required=True),),
                hints=SYNONYMS,
            ),
        },
    )
    return Record(
        "a choose step",
        (
            F("choose", Ref(name, lambda: ListOf(branch, least=1)), "branches, from above", required=True),
            _OWN_ID,
        ),
        "Takes the first branch whose condition holds; an unknown condition ends the run (Q1).",
        SYNONYMS,
    )


_SET: Final = Record(
    "a set step",
    (
        F("set", SETS, "facts and their new values; derived facts and touches follow (N15)", required=True),
        _OWN_ID,
    ),
    "Changes what the run remembers.",
    SYNONYMS,
)
_SEND_STEP: Final = Record(
    "a send step",
    (*_SEND[:1], F("id", STEP_ID, "its name in the log", required=True), *_SEND[1:], _IF, _NOT_WHILE, *_DELIVERY),
    "Sends a template; done when every channel has its outcome (N21).",
    SYNONYMS,
)
_CALL_STEP: Final = Record(
    "a call step",
    (
        *_CALL,
        _OWN_ID,
        _IF,
        F("save", SETS, "facts taken from the answer: {advisor_name: answer.advisor_name}"),
        F("within", DURATION, "how long to wait for the answer that is saved; 10 minutes when not given"),
        F("otherwise", STEPS, "steps when no answer came in time; then it goes on below"),
        _CLASS,
        _PRIORITY,
        _VALID_FOR,
        _URGENT,
    ),
    "Calls another system, signed, until it was taken; with `save` it waits for the answer.",
    SYNONYMS,
)
_CLOSING_CALL: Final = Record(
    "a call step",
    (*_CALL, _OWN_ID, _IF, _CLASS, _PRIORITY, _VALID_FOR, _URGENT),
    "Calls another system.",
    {**SYNONYMS, "save": "a run that ends has nothing to save"},
)
_WAIT: Final = Record(
    "a wait step",
    (F("wait", DURATION, "how long", required=True), _OWN_ID),
    "Waits for a span of time.",
    SYNONYMS,
)
_WAIT_UNTIL: Final = Record(
    "a wait_until step",
    (F("wait_until", MOMENT, "a local time, as 2 days later 10:00", required=True), _OWN_ID),
    "Waits until a local time; one that is past does not wait (Q49).",
    SYNONYMS,
)
_WAIT_FOR: Final = Record(
    "a wait_for step",
    (
        F(
            "wait_for",
            EVENTS,
            "the event that is awaited; one since the flow began counts (N10)",
            required=True,
        ),
        _OWN_ID,
        F("if", CONDITION, "holds for the awaited event"),
        F("within", DURATION, "how long; the arrival decides who was in time (Q47)"),
        F("until", MOMENT, "until when, instead of `within`"),
        F("then", STEPS, "steps when it came; `event.` is the awaited event there"),
        F("otherwise", STEPS, "steps when it did not come in time"),
    ),
    "Waits for an event. Both `then` and `otherwise` go on below unless they end (N10, Q35).",
    SYNONYMS,
)
_ARM: Final = Record(
    "an arm",
    (
        F("percent", Integer(1, 99), "its share of the customers; all shares give 100", required=True),
        F("do", STEPS, "its steps"),
    ),
    hints=SYNONYMS,
)
_EXPERIMENT: Final = Record(
    "an experiment step",
    (
        F("experiment", Name("experiment"), "its name, the only one in the project (Q14)", required=True),
        _OWN_ID,
        F("arms", MapOf(Name("arm"), _ARM, least=2), "the arms; a customer keeps his (N18)", required=True),
        F("metric", Text(), "what the arms are compared by", required=True),
        F("guardrail", Text(), "what must not get worse"),
    ),
    "Splits customers by a hash of their id.",
    SYNONYMS,
)
_END: Final = Record(
    "an end step",
    (F("end", REASON, "the reason in the log", required=True), _OWN_ID),
    "Ends the run.",
    SYNONYMS,
)

STEP: Final[ByWord] = ByWord(
    "a step",
    {
        "send": _SEND_STEP,
        "call": _CALL_STEP,
        "wait": _WAIT,
        "wait_until": _WAIT_UNTIL,
        "wait_for": _WAIT_FOR,
        "choose": _choose("branches", STEPS),
        "experiment": _EXPERIMENT,
        "set": _SET,
        "end": _END,
    },
)
CLOSING_STEP: Final[ByWord] = ByWord(
    "a step of a run that ends",
    {
        "send": _SEND_STEP,
        "call": _CLOSING_CALL,
        "choose": _choose("closing_branches", CLOSING_STEPS),
        "set": _SET,
    },
)

_TOUCH_ID: Final = F("id", STEP_ID, "its name in the log", required=True)
_TOUCH_AT: Final = F(
    "at",
    AT,
    "a local time on a date that is a fact (N2-N4); the date moves, so does the touch",
    required=True,
)
_TOUCH_IF: Final = F("if", CONDITION, "judged when the touch fires; false: no row (Q38)")
TOUCH: Final = ByWord(
    "a touch of the schedule",
    {
        "send": Record(
            "a touch of the schedule",
            (_TOUCH_ID, _TOUCH_AT, _TOUCH_IF, *_SEND, _NOT_WHILE, _CATCH_UP, *_DELIVERY),
            "A message at a local time on a date.",
            SYNONYMS,
        ),
        "call": Record(
            "a touch of the schedule",
            (_TOUCH_ID, _TOUCH_AT, _TOUCH_IF, *_CALL, _CATCH_UP, _CLASS, _PRIORITY, _VALID_FOR, _URGENT),
            "A call at a local time on a date.",
            {**SYNONYMS, "save": "a call of the schedule saves nothing; make it a step of a flow"},
        ),
    },
)
