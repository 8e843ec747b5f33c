"""The parts of promises: what is sent, moments, spans, names; each checked against what the journey has."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from sojourn.core.book import Duration
from sojourn.core.conditions import ConditionError, Expression, Scope, compile_condition
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import Type
from sojourn.definitions.durations import parse_duration, parse_time
from sojourn.definitions.rules import CLASSES

CHANNELS: Final = ("sms", "email")
# Reasons with which every journey may end without naming them (N12, N17, Q39).
REASONS: Final = ("goal", "finished", "expired", "consent_withdrawn", "condition_unknown")
_EVENT: Final = re.compile(r"(?P<event>[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)(?:\s+if\s+(?P<cond>.+))?", re.DOTALL)
_CHANGES: Final = re.compile(r"(?P<fact>[a-z][a-z0-9_]*) changes")
_EXIT: Final = re.compile(r"the exit(?: (?P<reason>[a-z][a-z0-9_]*))?")
_PLAIN: Final = {"the start": "start", "the goal": "goal", "the end": "end"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in a sentence: its offset, what it is, what would be right."""

    offset: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class What:
    """Which messages are meant: any that stands in one of the lists; ``any`` means all.

    Globs are resolved: ``templates`` holds names that exist.
    """

    text: str
    templates: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    any: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of a timeline. ``kind`` is event, start, goal, exit, end or change; the rest goes with it."""

    text: str
    kind: str
    event: str | None = None
    condition: Expression | None = None
    reason: str | None = None
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """The names that the promises of one journey may use.

    Attributes:
        templates: All templates of the project; a glob matches any of them.
        steps: Ids of the journey's steps.
        calls: Calls of the project.
        events: Event type -> fields.
        facts: Facts and key fields with their types.
        reasons: Reasons of the journey's exits and `end` steps.
        state_scope: What `while` may name: customer., facts, param., today.
        start_scope: What `if ... at the start` may name: that, and the starting event.
    """

    templates: frozenset[str]
    steps: frozenset[str]
    calls: frozenset[str]
    events: Mapping[str, Mapping[str, Type]]
    facts: Mapping[str, Type]
    reasons: frozenset[str]
    state_scope: Scope = field(default_factory=Scope)
    start_scope: Scope = field(default_factory=Scope)


class Words:
    """Reads the parts of one sentence and collects what is wrong in it."""

    def __init__(self, names: Names, text: str) -> None:
        self.names = names
        self.text = text
        self.found: list[Finding] = []

    def add(self, offset: int, message: str, hint: str = "") -> None:
        """Take note of a mistake."""
        self.found.append(Finding(offset, message, hint))

    def what(self, text: str, offset: int) -> What | None:
        """Give the messages that a word, a list, `any message` or `call NAME` means."""
        if text == "any message":
            return What(text, any=True)
        if not text.startswith("["):
            return self._one(text, offset)
        items = [(item.group(), offset + 1 + item.start()) for item in re.finditer(r"[^,\s][^,]*", text[1:-1])]
        if not items:
            self.add(offset, "this list is empty", "name templates, steps, channels or classes")
        parts = [self._one(item.rstrip(), where) for item, where in items]
        known = [part for part in parts if part is not None]
        if not known or len(known) != len(parts):
            return None
        names = ("templates", "steps", "channels", "classes", "calls")
        joined: dict[str, Any] = {
            name: tuple(dict.fromkeys(value for part in known for value in getattr(part, name))) for name in names
        }
        return What(text, **joined)

    def _one(self, text: str, offset: int) -> What | None:
        names = self.names
        if text.startswith("call "):
            call = text.removeprefix("call ").strip()
            if call in names.calls:
                return What(text, calls=(call,))
            self.add(offset + 5, f"there is no call `{call}`", did_you_mean(call, names.calls))
        elif text in CHANNELS:
            return What(text, channels=(text,))
        elif text in CLASSES:
            return What(text, classes=(text,))
        elif matched := tuple(sorted(name for name in names.templates if fnmatchcase(name, text))):
            return What(text, templates=matched)
        elif text in names.steps:
            return What(text, steps=(text,))
        elif "*" in text or "?" in text:
            self.add(offset, f"no template matches `{text}`", did_you_mean(text.strip("*?"), names.templates))
        else:
            near = did_you_mean(text, {*names.templates, *names.steps, *CHANNELS, *CLASSES})
            self.add(offset, f"`{text}` is no template, step, channel or class", near)
        return None

    def moment(self, text: str, offset: int) -> Moment | None:
        """Give the point of a timeline that a text means."""
        if text in _PLAIN:
            return Moment(text, _PLAIN[text])
        if match := _EXIT.fullmatch(text):
            if match["reason"] is not None:
                self.reason(match["reason"], offset + match.start("reason"))
            return Moment(text, "exit", reason=match["reason"])
        if match := _CHANGES.fullmatch(text):
            self.fact(match["fact"], offset)
            return Moment(text, "change", fact=match["fact"])
        if match := _EVENT.fullmatch(text):
            return self._event(match, text, offset)
        hint = "an event type, the start, the goal, the exit, the end, or `due_date changes`"
        self.add(offset, f"`{text[:60]}` is no moment", hint)
        return None

    def _event(self, match: re.Match[str], text: str, offset: int) -> Moment | None:
        event = match["event"]
        fields = self.names.events.get(event)
        if fields is None:
            self.add(offset, f"there is no event type `{event}`", did_you_mean(event, self.names.events))
            return None
        if match["cond"] is None:
            return Moment(text, "event", event=event)
        scope = replace(self.names.state_scope, event=fields)
        condition = self.condition(match["cond"], offset + match.start("cond"), scope)
        return None if condition is None else Moment(text, "event", event=event, condition=condition)

    def condition(self, text: str, offset: int, scope: Scope) -> Expression | None:
        """Give a compiled condition."""
        try:
            return compile_condition(text, scope)
        except ConditionError as error:
            for problem in error.problems:
                self.add(offset + problem.offset, problem.message, problem.hint)
            return None

    def duration(self, text: str, offset: int) -> Duration | None:
        """Give a span of time."""
        found: Duration | None = self._parsed(parse_duration, text, offset)
        return found

    def time(self, text: str, offset: int) -> int | None:
        """Give a time of day in milliseconds."""
        found: int | None = self._parsed(parse_time, text, offset)
        return found

    def _parsed(self, reader: Callable[[str], Any], text: str, offset: int) -> Any:
        try:
            return reader(" ".join(text.split()))
        except ValueError as error:
            message, hint = (*error.args, "")[:2]
            self.add(offset, str(message), str(hint))
            return None

    def count(self, text: str, offset: int) -> int | None:
        """Give a count of messages, at least 1."""
        if re.fullmatch(r"[1-9][0-9]{0,5}", text, re.ASCII):
            return int(text)
        hint = "write `never send ...` for none" if text == "0" else "digits only, at least 1"
        self.add(offset, f"`{text[:60]}` is no count of messages", hint)
        return None

    def fact(self, name: str, offset: int) -> None:
        """Check the name of a fact or key field."""
        if name not in self.names.facts:
            hint = did_you_mean(name, self.names.facts)
            self.add(offset, f"this journey has no fact or key field `{name}`", hint)

    def date_fact(self, name: str, offset: int) -> None:
        """Check the name of a fact that is a date."""
        known = self.names.facts.get(name)
        if known is None:
            self.fact(name, offset)
        elif known.kind != "date":
            self.add(offset, f"`{name}` is {known.describe()}", "name a fact that is a date")

    def reason(self, name: str, offset: int) -> None:
        """Check a reason with which runs of this journey end."""
        known = {*self.names.reasons, *REASONS}
        if name not in known:
            self.add(offset, f"no run of this journey ends with `{name}`", did_you_mean(name, known))
