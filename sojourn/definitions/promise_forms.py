"""The forms of promises as frozen values: what `sojourn prove` searches to break (prove.md, 3)."""

from dataclasses import dataclass

from sojourn.core.book import Duration
from sojourn.core.conditions import Expression
from sojourn.definitions.promise_words import Moment, What


@dataclass(frozen=True, slots=True)
class Never:
    """1-7: no such message; limited by at most one of the other fields (``until`` goes with ``after``)."""

    what: What
    after: Moment | None = None
    until: Moment | None = None
    before: Moment | None = None
    within: Duration | None = None  # so long after the moment `after`
    condition: Expression | None = None
    between: tuple[int, int] | None = None  # local time of hand-over, [from, to) in ms


@dataclass(frozen=True, slots=True)
class AtMost:
    """8, 9: so many touches; ``within`` is a sliding, half-open window, ``per`` is run, day, week or ever."""

    count: int
    what: What
    within: Duration | None = None
    per: str | None = None


@dataclass(frozen=True, slots=True)
class Apart:
    """10: the second comes at least so long after the first."""

    span: Duration
    first: What
    second: What


@dataclass(frozen=True, slots=True)
class Answer:
    """11: a message comes within a span after a moment; ``or_suppressed``: a suppressed row is enough."""

    what: What
    within: Duration
    after: Moment
    unless: Moment | None = None
    or_suppressed: bool = False


@dataclass(frozen=True, slots=True)
class ExactlyOnce:
    """12: one message and no second, by a span after a moment."""

    what: What
    by: Duration
    after: Moment


@dataclass(frozen=True, slots=True)
class Before:
    """13: no ``second`` in a run without an earlier ``first``."""

    first: What
    second: What


@dataclass(frozen=True, slots=True)
class OnlyIf:
    """14: ``what`` only where ``earlier`` was sent no longer ago than ``within``."""

    what: What
    earlier: What
    within: Duration


@dataclass(frozen=True, slots=True)
class Ends:
    """15: every run ends in time, counted from its start or from a date that it knows."""

    within: Duration
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Reaches:
    """16: a run that sends ``what`` reaches the goal, or ends with ``reason``."""

    what: What
    reason: str


@dataclass(frozen=True, slots=True)
class Sometimes:
    """18: a timeline exists on which the message goes out, or the run ends with the reason."""

    what: What | None = None
    reason: str | None = None


Form = Never | AtMost | Apart | Answer | ExactlyOnce | Before | OnlyIf | Ends | Reaches | Sometimes


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence: its form, and the scope that its end and its beginning give it.

    Attributes:
        text: As it was written.
        form: What it demands.
        per_customer: Over all runs of the customer; else over the run in which the moment happened.
        each: Judged apart for each value of these facts or key fields, over runs.
        when: 17: only for runs whose start fulfilled this.
    """

    text: str
    form: Form
    per_customer: bool = False
    each: tuple[str, ...] = ()
    when: Expression | None = None
