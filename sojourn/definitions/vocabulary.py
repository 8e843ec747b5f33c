"""The small parts of a journey file that several words share: names, events, channels, values."""

from typing import Final

from sojourn.definitions.grammar import ByShape, Choice, Expr, F, ListOf, MapOf, Name, Record, Ref, Text

CLASSES: Final = ("mandatory", "service", "care", "marketing")  # strongest first (Q6)
CHANNELS: Final = ("sms", "email")
DAYS: Final = ("birthday", "festival")
LOCALES: Final = {"zh": "zh-CN", "en": "en"}

# Words of other notations and languages, and what they are called here.
SYNONYMS: Final = {
    "at_most_once": "write `once: true`",
    "branch": "write `choose`",
    "channel": "write `by`",
    "channels": "write `by`",
    "complete_after": "write `finish: after ID`",
    "control_group": "write `control`",
    "cooldown": "write `again: {after: 60 days, per: customer}`",
    "derive": "write `facts`",
    "else": "write `otherwise`",
    "event": "write `when`",
    "handle": "write `react`",
    "max": "write `at_most`",
    "on": "write `when` or `react`",
    "pct": "write `percent`",
    "reanchor": "write `set: {fact: event.field}`",
    "reason": "write `because`",
    "reentry": "write `again`",
    "sla": "write `deadlines`",
    "stop_on": "write `stop`",
    "suppress_if": "write `not_while`",
    "template": "write `send`",
    "timeout": "write `within`",
    "trigger": "write `start`",
    "webhook": "write `call`",
}

EVENT_NAME: Final = Name(
    "event type",
    r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*",
    "small letters, with dots between, as payment.received",
)
STEP_ID: Final = Name("step")
FACT: Final = Name("fact")
FIELD: Final = Name("field")
TEMPLATE: Final = Name("template")
CALL_NAME: Final = Name("call", r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*", "small letters, as advisor.task")
REASON: Final = Name("reason")
CONDITION: Final = Expr("a condition")
EXPRESSION: Final = Expr("an expression such as event.due_date")
BOTH_LANGUAGES: Final = Record(
    "a text in both languages",
    (
        F("zh", Text(), "in Chinese", required=True),
        F("en", Text(), "in English", required=True),
    ),
)

_MATCH: Final = Record(
    "an event with a condition",
    (
        F("when", ListOf(EVENT_NAME, least=1, or_one=True), "the event type", required=True),
        F("if", CONDITION, "holds for the event, else it is as if it had not come"),
    ),
    hints=SYNONYMS,
)
EVENTS: Final = Ref(
    "events",
    lambda: ListOf(
        ByShape("an event type, or a group `{when, if}`", text=EVENT_NAME, group=_MATCH), least=1, or_one=True
    ),
)
_FIRST_OF: Final = Record(
    "a choice of channels",
    (
        F(
            "first_of",
            ListOf(Choice(CHANNELS, "channel"), least=2),
            "the first with an address and consent is taken (N12, Q16)",
            required=True,
        ),
    ),
)
BY: Final = Ref(
    "by",
    lambda: ByShape(
        "a channel, a list of channels, or {first_of: [...]}",
        text=Choice(CHANNELS, "channel"),
        items=ListOf(Choice(CHANNELS, "channel"), least=1),
        group=_FIRST_OF,
    ),
)
VALUES: Final = Ref(
    "values",
    lambda: MapOf(
        Name("value"),
        ByShape("a text, or {zh: ..., en: ...}; `= amount` is an expression", text=Text(), group=BOTH_LANGUAGES),
        least=1,
    ),
)
SETS: Final = Ref("sets", lambda: MapOf(FACT, EXPRESSION, least=1))
