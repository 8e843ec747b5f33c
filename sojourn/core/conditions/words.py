"""The words of the language of conditions, each with its meaning; the reference page is made from this."""

from dataclasses import dataclass
from typing import Final

KEYWORDS: Final = frozenset({"true", "false", "none", "and", "or", "not", "in", "is", "if", "else"})
RESERVED: Final = KEYWORDS | {
    "event", "customer", "before", "param", "today", "now", "run", "sent", "days", "months", "years_since",
    "answer", "item",
}  # fmt: skip

MAX_TEXT: Final = 2_000
MAX_NESTING: Final = 50
MAX_LIST: Final = 100
MAX_SPAN: Final = {"days": 36_525, "months": 1_200}  # a hundred years


@dataclass(frozen=True, slots=True)
class Word:
    """A function, filter or name of the language: how it is written, what it gives, an example."""

    form: str
    meaning: str
    example: str


ROOTS: Final = {
    "event": Word("event.x", "a field of the event being handled", "event.installment_no >= 2"),
    "customer": Word("customer.x", "a field of the profile, as of now", "customer.tier == 'growth'"),
    "before": Word("before.customer.x", "the value before the event", "before.customer.tier != customer.tier"),
    "param": Word("param.x", "a parameter that marketing may change", "event.score >= param.threshold"),
    "answer": Word("answer.x", "a field of what a call answered, in its `save`", "answer.task_id"),
    "item": Word("item.x", "a field of one item of a list of the profile, in projections", "item.status"),
    "run": Word("run.id", "the id of this run, to match an answer with the run that asked (Q31)", "run.id"),
}
NAMES: Final = {
    "today": Word("today", "the date at the customer's place, now", "due_date >= today"),
    "now": Word("now", "the instant that is being decided for", "now < customer.complaint_pause_until"),
}
FUNCTIONS: Final = {
    "days": Word("days(n)", "so many days, to be added to a date or an instant (N3)", "due_date + days(60)"),
    "months": Word(
        "months(n)", "so many months, clamped to the end of the month (N3)", "issued_on + months(11)"
    ),
    "sent": Word("sent('step')", "whether this run has sent the step", "not sent('t30')"),
    "years_since": Word(
        "years_since(date)", "full years from a date to today (29 Feb counts as 28 Feb in common years, N23)",
        "years_since(customer.birth_date) >= 60",
    ),
}  # fmt: skip
FILTERS: Final = {
    "default": Word("x | default(y)", "y where x is absent", "event.reason_code | default('in_review')"),
    "length": Word("x | length", "how many characters or items", "event.docs | length > 2"),
    "lower": Word("x | lower", "the text in small letters", "event.reply_text | lower == 'stop'"),
    "upper": Word("x | upper", "the text in capitals", "event.reply_text | upper == 'STOP'"),
    "last": Word("x | last(n)", "the last n characters or items", "policy_id | last(4)"),
    "first": Word("x | first(n)", "the first n characters or items", "event.docs | first(3)"),
    "join": Word("x | join(text)", "the texts of a list in one, with the text between", "docs | join(', ')"),
    "glossary": Word(
        "x | glossary('table')", "the text of a code in the customer's language; absent for an unknown code",
        "event.node | glossary('claim_node')",
    ),
}  # fmt: skip
