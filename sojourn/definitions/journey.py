"""The grammar of a journey file (language.md): one record, from which parser, schema and reference come."""

from dataclasses import dataclass
from typing import Final

from sojourn.definitions.durations import (
    DAY_OF_YEAR,
    DURATION,
    EXACT,
    EXPIRE,
    FINISH,
    LIMIT,
    REST,
    TIME_OF_DAY,
    VALIDITY,
)
from sojourn.definitions.grammar import (
    Boolean,
    ByShape,
    ByWord,
    Choice,
    F,
    Fields,
    Integer,
    ListOf,
    MapOf,
    Name,
    Record,
    Text,
)
from sojourn.definitions.parameters import PARAMETER
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping
from sojourn.definitions.steps import CLOSING_STEPS, STEPS, TOUCH
from sojourn.definitions.typetext import TYPE
from sojourn.definitions.vocabulary import (
    BOTH_LANGUAGES,
    CLASSES,
    CONDITION,
    EVENT_NAME,
    EVENTS,
    EXPRESSION,
    FACT,
    FIELD,
    REASON,
    SETS,
    STEP_ID,
    SYNONYMS,
)

STAGES: Final = ("reach", "interact", "serve", "convert", "loyalty")

_START_WHEN: Final = Record(
    "a start",
    (
        F("when", EVENTS, "an event type; or a day: birthday, festival (N1, N23)", required=True),
        F("at", TIME_OF_DAY, "the local time of a day start"),
        F("if", CONDITION, "holds for the starting event, or on the day"),
    ),
    "Starts a run at an event, or on a day of the customer's year.",
    SYNONYMS,
)
_START: Final = ByWord(
    "a start",
    {
        "when": _START_WHEN,
        "silent": Record(
            "a start by silence",
            (
                F("silent", EVENT_NAME, "the event type that has not come", required=True),
                F("for", DURATION, "for how long", required=True),
                F("by", FIELD, "counted apart for each value of this field", required=True),
                F("if", CONDITION, "holds when the silence is noticed"),
            ),
            "Starts a run when an event has not come for a while.",
            SYNONYMS,
        ),
        "times": Record(
            "a start by a pattern",
            (
                F("times", Integer(2, 100), "how many events", required=True),
                F("of", EVENT_NAME, "of which type", required=True),
                F("within", EXACT, "in which window, both ends included (Q11)", required=True),
                F("by", FIELD, "counted apart for each value of this field", required=True),
                F("and_no", EVENT_NAME, "with no event of this type in the same window"),
                F("if", CONDITION, "holds at the last event"),
            ),
            "Starts a run at the n-th event of a kind within a window.",
            SYNONYMS,
        ),
        "becomes": Record(
            "a start by a change",
            (F("becomes", CONDITION, "a condition over customer. that has become true", required=True),),
            "Starts a run when a condition over the profile becomes true.",
            SYNONYMS,
        ),
    },
)
_AGAIN: Final = ByShape(
    "`never`, `after exit`, or {after: 60 days, per: customer}",
    text=Choice(("never", "after exit"), "re-entry"),
    group=Record(
        "a re-entry",
        (
            F("after", DURATION, "how long after the end of a run that sent something (Q8)", required=True),
            F(
                "per",
                Choice(("customer", "key"), "scope"),
                "counted for each key, or for the customer; key when not given",
            ),
        ),
        hints=SYNONYMS,
    ),
)
_FACT: Final = ByShape(
    "an expression, or a group with type and value",
    text=EXPRESSION,
    group=Record(
        "a fact",
        (
            F(
                "type",
                TYPE,
                "its type: text, int, decimal, number, bool, date, instant, list of text; `?`: may be absent",
            ),
            F("value", EXPRESSION, "its value at the start; without one it is absent until it is set"),
            F("optional", Boolean(), "whether it may be absent"),
        ),
        hints=SYNONYMS,
    ),
)
_REACTION: Final = Record(
    "a reaction",
    (
        F("when", EVENTS, "the event", required=True),
        F("if", CONDITION, "holds for the event"),
        F("set", SETS, "facts and their new values, before the steps (Q9)"),
        F("do", STEPS, "the steps; once for each event (Q33)"),
        F("once", Boolean(), "the steps run once in a run (Q32)"),
        F("parallel", Boolean(), "a new event does not replace an unfinished copy that waits (Q33)"),
    ),
    "While the run is alive, an event does something (Q9, Q32, Q33).",
    SYNONYMS,
)
_DEADLINE: Final = Record(
    "a deadline",
    (
        F("id", STEP_ID, "its name", required=True),
        F("after", DURATION, "how long after the last `since` event it fires", required=True),
        F("since", EVENTS, "events that start it anew, the starting event included (Q34)", required=True),
        F("stop", EVENTS, "events that end it for the rest of the run"),
        F(
            "rest",
            Record(
                "a rest",
                (
                    F("from", EVENTS, "it rests from this event", required=True),
                    F("until", EVENTS, "and starts anew at this one", required=True),
                ),
                hints=SYNONYMS,
            ),
            "a time in which it does not run",
        ),
        F("at_most", Integer(1, 100), "firings of a run"),
        F("do", STEPS, "the steps at each firing", required=True),
    ),
    "A timer that events reset (Q34).",
    SYNONYMS,
)


def _ending(name: str, about: str, *, reason: bool) -> ByWord:
    because = F("because", REASON, "the reason in the log", required=reason)
    do = F("do", CLOSING_STEPS, "what is still sent or done (N17)")
    when = F("when", EVENTS, "the event", required=True)
    if_ = F("if", CONDITION, "holds for the event")
    becomes = F("becomes", CONDITION, "a condition over customer. that has become true", required=True)
    return ByWord(
        name,
        {
            "when": Record(name, (when, if_, because, do), about, SYNONYMS),
            "becomes": Record(name, (becomes, because, do), about, SYNONYMS),
        },
    )


JOURNEY: Final = Record(
    "a journey",
    (
        F("journey", Name("journey"), "its id, the same as the name of the file", required=True),
        F("name", BOTH_LANGUAGES, "what people call it", required=True),
        F("stage", Choice(STAGES, "stage"), "the stage of the customer's journey", required=True),
        F(
            "class",
            Choice(CLASSES, "class"),
            "class of its messages: consent, cap and validity hang on it",
            required=True,
        ),
        F("priority", Integer(0, 100), "who goes first where the cap is scarce (N13)", required=True),
        F("start", ListOf(_START, least=1, most=20, or_one=True), "what starts a run", required=True),
        F(
            "key",
            ListOf(FIELD, most=8),
            "one run for each of these, per customer; [] is one for each customer",
            required=True,
        ),
        F("again", _AGAIN, "when a run may start anew (N19)", required=True),
        F("facts", MapOf(FACT, _FACT), "what the run remembers; taken from the starting event"),
        F(
            "params",
            MapOf(Name("parameter"), PARAMETER),
            "values that marketing may change; they win over the project's",
        ),
        F("schedule", ListOf(TOUCH, least=1), "touches that hang on a date"),
        F("flow", STEPS, "steps one after the other"),
        F("react", ListOf(_REACTION, least=1), "what events do while the run is alive"),
        F("deadlines", ListOf(_DEADLINE, least=1), "timers that events reset"),
        F("goal", ListOf(_ending("a goal", "Success.", reason=False), least=1, or_one=True), "success"),
        F(
            "exit",
            ListOf(_ending("an exit", "Stop.", reason=True), least=1, or_one=True),
            "stop, with a reason",
        ),
        F("expire", EXPIRE, "the day after which nothing matters (Q39)"),
        F("finish", FINISH, "a natural end: when this touch is decided (Q39)"),
        F(
            "pause",
            Record(
                "a pause",
                (
                    F(
                        "classes",
                        ListOf(Choice(CLASSES[1:], "class"), least=1),
                        "the classes that rest",
                        required=True,
                    ),
                    F("until", REST, "how long after the end of the run", required=True),
                ),
                hints=SYNONYMS,
            ),
            "other classes of this customer rest while the run lives (N20)",
        ),
        F(
            "not_while",
            ListOf(CONDITION, least=1, or_one=True),
            "while one holds, sends are suppressed, mandatory ones excepted (Q23)",
        ),
        F("personalised", Boolean(), "driven by scores: not for who opted out of personalisation (Q13)"),
        F(
            "control",
            Record(
                "a control group",
                (
                    F("percent", Integer(1, 99), "its share of the customers", required=True),
                    F(
                        "name",
                        Name("control group"),
                        "its name, the only one in the project; the journey's id when not given",
                    ),
                ),
                hints=SYNONYMS,
            ),
            "customers who walk through and get nothing (N18, Q14)",
        ),
        F("limit", LIMIT, "how fast a bulk send may drain"),
        F("promises", ListOf(Text(), least=1), "sentences that hold on every timeline (prove.md)"),
        F("valid_for", VALIDITY, "how long its messages may wait to be handed over (N6)"),
        F(
            "catch_up",
            DURATION,
            "touches of the schedule that are past by no more than this are due at once (N5)",
        ),
        F(
            "on_cap",
            Choice(("defer", "drop"), "answer to the cap"),
            "what happens when the cap is full (N13)",
        ),
        F("urgent", Boolean(), "its messages go out in quiet hours, too (N14)"),
        F("review_by", DAY_OF_YEAR, "the day by which a person looks at it again"),
        F("metric", Text(), "what its success is measured by"),
        F("guardrail", Text(), "what must not get worse"),
    ),
    "One journey of Sojourn: who enters, what is sent when, and how it ends.",
    SYNONYMS,
)


@dataclass(frozen=True, slots=True)
class JourneyTree:
    """A journey file as parsed, before anything in it is linked.

    ``file`` is its path in the project; ``sound`` tells that nothing in it was refused so far.
    """

    file: str
    fields: Fields
    sound: bool = True

    @property
    def id(self) -> str:
        """The id, or an empty text when it could not be read."""
        return str(self.fields.value("journey", ""))


def parse_journey(root: Mapping, file: str, problems: Problems) -> JourneyTree | None:
    """Give the tree of a journey file; what is wrong with its form is noted, the rest stays usable.

    Args:
        root: As the reader gave it.
        file: Its path in the project, as `journeys/renewal_premium.yaml`.
        problems: Takes what is wrong.
    """
    fields = JOURNEY.parse(root, problems)
    if fields is None:
        return None
    stem = file.rsplit("/", 1)[-1].removesuffix(".yaml").removesuffix(".yml")
    if fields.get("journey") is not None and fields.value("journey") != stem:
        message = f"the journey is called `{fields.value('journey')}` and its file `{stem}`"
        problems.add(fields.place("journey"), message, "give both the same name")
    sound = not any(problem.file == file for problem in problems.errors)
    return JourneyTree(file, fields, sound)
