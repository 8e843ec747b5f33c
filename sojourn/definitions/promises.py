"""Promises: sentences that hold on every timeline of a journey, parsed and checked for sense (prove.md, 3).

`sojourn prove` searches for a timeline that breaks one. Here a sentence becomes a frozen value; names,
counts and durations are checked, each problem with its offset in the sentence.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sojourn.core.book import Duration
from sojourn.core.nearest import did_you_mean
from sojourn.definitions.promise_forms import (
    Answer,
    Apart,
    AtMost,
    Before,
    Ends,
    ExactlyOnce,
    Form,
    Never,
    OnlyIf,
    Promise,
    Reaches,
    Sometimes,
)
from sojourn.definitions.promise_words import (
    Finding,
    Moment,
    Names,
    What,
    Words,
)


@dataclass(slots=True)
class _Ending:
    """What was taken off the end of a sentence."""

    rest: str
    per: dict[str, int] = field(default_factory=dict)  # word -> offset
    each: list[tuple[str, int]] = field(default_factory=list)


_W: Final = r"\[[^\]]*\]|any message|call \S+|\S+"
_D: Final = r"[0-9]\S* +(?:business +)?[a-z]+"
_UNLESS: Final = r"(?: unless (?P<unless>.+?))?(?P<or> or is suppressed)?"
_PER: Final = re.compile(r"\s+(?:per\s+(customer|run|day|week)|(ever))$")
_EACH: Final = re.compile(r"\s+for each\s+([a-z][a-z0-9_]*(?:\s*,\s*[a-z][a-z0-9_]*)*)$", re.ASCII)
_AT_START: Final = re.compile(r"if\s+(?P<cond>.+?)\s+at the start then\s+(?P<rest>.+)", re.DOTALL)
_FORMS: Final[tuple[tuple[str, str], ...]] = (
    ("never", rf"never send (?P<what>{_W})"),
    ("between", rf"never send (?P<what>{_W}) between (?P<from>\S+) and (?P<to>\S+)"),
    ("while", rf"never send (?P<what>{_W}) while (?P<cond>.+)"),
    ("before_moment", rf"never send (?P<what>{_W}) before (?P<moment>.+)"),
    ("rest", rf"never send (?P<what>{_W}) (?:within )?(?P<span>{_D}) after (?P<moment>.+)"),
    ("after", rf"never send (?P<what>{_W}) after (?P<moment>.+?)(?: until (?P<until>.+))?"),
    ("at_most", rf"at most (?P<count>\S+) (?P<what>{_W})(?: within (?P<span>{_D}))?"),
    ("apart", rf"at least (?P<span>{_D}) between (?P<what>{_W}) and (?P<other>{_W})"),
    ("once", rf"(?P<what>{_W}) exactly once(?P<each> for each [a-z0-9_, ]+?)? by (?P<span>{_D}) after (?P<moment>.+)"),
    ("answer", rf"(?P<what>{_W}) within (?P<span>{_D}) after (?P<moment>.+?){_UNLESS}"),
    ("before", rf"(?P<what>{_W}) before any (?P<other>{_W})"),
    ("only_if", rf"(?P<what>{_W}) only if (?P<other>{_W}) was sent within (?P<span>{_D})"),
    ("ends", rf"every run ends within (?P<span>{_D})(?: after (?P<fact>\S+))?"),
    ("reaches", rf"every run that sends (?P<what>{_W}) reaches the goal or ends with (?P<reason>\S+)"),
    ("sometimes_ends", r"sometimes the run ends with (?P<reason>\S+)"),
    ("sometimes", rf"sometimes (?P<what>{_W})"),
)  # fmt: skip
_COMPILED: Final = tuple((name, re.compile(pattern, re.DOTALL)) for name, pattern in _FORMS)
SHAPES: Final = (
    "never send W",
    "never send W after M",
    "never send W after M until M2",
    "never send W before M",
    "never send W while CONDITION",
    "never send W between 21:00 and 08:00",
    "never send W within D after M",
    "at most N W per run",
    "at most N W within D",
    "at least D between W and W2",
    "W within D after M",
    "W exactly once for each KEY by D after M",
    "W before any W2",
    "W2 only if W was sent within D",
    "every run ends within D",
    "every run that sends W reaches the goal or ends with REASON",
    "if CONDITION at the start then ...",
    "sometimes W",
)


def parse_promise(text: str, names: Names) -> tuple[Promise | None, list[Finding]]:
    """Give the parsed sentence, or None, and all that is wrong with it.

    Args:
        text: One sentence of a journey's `promises`.
        names: The names that it may use.
    """
    words = Words(names, text)
    start = _AT_START.fullmatch(text.strip())
    lead = len(text) - len(text.lstrip())
    if start is None:
        promise = _sentence(text.strip(), lead, text, words)
    else:
        when = words.condition(start["cond"], lead + start.start("cond"), names.start_scope)
        inner = _sentence(start["rest"], lead + start.start("rest"), text, words)
        promise = None if inner is None else replace(inner, when=when)
    return (None if words.found else promise), sorted(words.found, key=lambda one: one.offset)


def _sentence(part: str, offset: int, text: str, words: Words) -> Promise | None:
    ending = _ending(part, offset)
    for name, pattern in reversed(_COMPILED):
        match = pattern.fullmatch(ending.rest)
        if match is None or (name == "sometimes" and match["what"] == "the"):
            continue
        form = _BUILD[name](_Match(match, offset, words, ending))
        _check_ending(name, ending, words)
        if name == "once" and match["each"]:
            ending.each.extend(_names_in(match["each"].removeprefix(" for each "), offset + match.start("each") + 10))
        each = tuple(one for one, _ in ending.each)
        for one, where in ending.each:
            words.fact(one, where)
        return None if form is None else Promise(text, form, "customer" in ending.per, each)
    near = did_you_mean(part, SHAPES)
    words.add(offset, "this is no form of promise", near or "as `never send W after M`; see prove.md for all forms")
    return None


def _ending(part: str, offset: int) -> _Ending:
    """Take `per ...`, `ever` and `for each ...` off the end, in any order."""
    ending = _Ending(part)
    while True:
        if match := _PER.search(ending.rest):
            ending.per[match[1] or match[2]] = offset + match.start() + 1
        elif match := _EACH.search(ending.rest):
            ending.each = _names_in(match[1], offset + match.start(1)) + ending.each
        else:
            return ending
        ending.rest = ending.rest[: match.start()]


def _names_in(text: str, offset: int) -> list[tuple[str, int]]:
    return [(match.group(), offset + match.start()) for match in re.finditer(r"[a-z0-9_]+", text)]


def _check_ending(name: str, ending: _Ending, words: Words) -> None:
    for word, offset in ending.per.items():
        if word in ("day", "week", "ever") and name != "at_most":
            words.add(offset, f"`{word}` belongs to `at most N W` only", "delete it")
    if "run" in ending.per and "customer" in ending.per:
        words.add(ending.per["run"], "per run and per customer stand in one sentence", "keep one")


@dataclass(slots=True)
class _Match:
    """One matched form, with readers of its parts."""

    match: re.Match[str]
    offset: int
    words: Words
    ending: _Ending

    def at(self, group: str) -> int:
        return self.offset + self.match.start(group)

    def what(self, group: str = "what") -> What | None:
        return self.words.what(self.match[group], self.at(group))

    def span(self) -> Duration | None:
        return self.words.duration(self.match["span"], self.at("span"))

    def moment(self, group: str = "moment") -> Moment | None:
        return None if self.match[group] is None else self.words.moment(self.match[group], self.at(group))


def _never(one: _Match) -> Form | None:
    what = one.what()
    return None if what is None else Never(what)


def _between(one: _Match) -> Form | None:
    what = one.what()
    first, last = one.words.time(one.match["from"], one.at("from")), one.words.time(one.match["to"], one.at("to"))
    if what is None or first is None or last is None:
        return None
    if first == last:
        one.words.add(one.at("to"), "this span of the day is empty", "two different times must stand here")
    return Never(what, between=(first, last))


def _while(one: _Match) -> Form | None:
    what = one.what()
    condition = one.words.condition(one.match["cond"], one.at("cond"), one.words.names.state_scope)
    return None if what is None or condition is None else Never(what, condition=condition)


def _before_moment(one: _Match) -> Form | None:
    what, moment = one.what(), one.moment()
    return None if what is None or moment is None else Never(what, before=moment)


def _rest(one: _Match) -> Form | None:
    what, span, moment = one.what(), one.span(), one.moment()
    return None if what is None or span is None or moment is None else Never(what, after=moment, within=span)


def _after(one: _Match) -> Form | None:
    what, moment, until = one.what(), one.moment(), one.moment("until")
    return None if what is None or moment is None else Never(what, after=moment, until=until)


def _at_most(one: _Match) -> Form | None:
    what, count = one.what(), one.words.count(one.match["count"], one.at("count"))
    span = one.span() if one.match["span"] else None
    periods = [word for word in ("day", "week", "ever", "run") if word in one.ending.per]
    if (one.match["span"] is not None) + len(periods) > 1:
        one.words.add(one.at("what"), "two periods stand in one sentence", "keep one of within, per ..., ever")
    if one.match["span"] is None and not periods and not one.ending.each and "customer" not in one.ending.per:
        hint = "add per run, per day, per week, ever, within D, or for each KEY"
        one.words.add(one.at("what"), "the sentence does not say over which period it counts", hint)
    if what is None or count is None:
        return None
    return AtMost(count, what, span, periods[0] if periods else None)


def _apart(one: _Match) -> Form | None:
    span, first, second = one.span(), one.what(), one.what("other")
    return None if span is None or first is None or second is None else Apart(span, first, second)


def _once(one: _Match) -> Form | None:
    what, span, moment = one.what(), one.span(), one.moment()
    return None if what is None or span is None or moment is None else ExactlyOnce(what, span, moment)


def _answer(one: _Match) -> Form | None:
    what, span, moment, unless = one.what(), one.span(), one.moment(), one.moment("unless")
    if what is None or span is None or moment is None:
        return None
    return Answer(what, span, moment, unless, one.match["or"] is not None)


def _before(one: _Match) -> Form | None:
    first, second = one.what(), one.what("other")
    return None if first is None or second is None else Before(first, second)


def _only_if(one: _Match) -> Form | None:
    what, earlier, span = one.what(), one.what("other"), one.span()
    return None if what is None or earlier is None or span is None else OnlyIf(what, earlier, span)


def _ends(one: _Match) -> Form | None:
    span, fact = one.span(), one.match["fact"]
    if fact is not None and fact != "start":
        one.words.date_fact(fact, one.at("fact"))
    return None if span is None else Ends(span, None if fact == "start" else fact)


def _reaches(one: _Match) -> Form | None:
    what = one.what()
    one.words.reason(one.match["reason"], one.at("reason"))
    return None if what is None else Reaches(what, one.match["reason"])


def _sometimes(one: _Match) -> Form | None:
    what = one.what()
    return None if what is None else Sometimes(what)


def _sometimes_ends(one: _Match) -> Form | None:
    one.words.reason(one.match["reason"], one.at("reason"))
    return Sometimes(reason=one.match["reason"])


_BUILD: Final[Mapping[str, Callable[[_Match], Form | None]]] = {
    "never": _never,
    "between": _between,
    "while": _while,
    "before_moment": _before_moment,
    "rest": _rest,
    "after": _after,
    "at_most": _at_most,
    "apart": _apart,
    "once": _once,
    "answer": _answer,
    "before": _before,
    "only_if": _only_if,
    "ends": _ends,
    "reaches": _reaches,
    "sometimes_ends": _sometimes_ends,
    "sometimes": _sometimes,
}
