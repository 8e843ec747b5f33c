"""Reads rules.yaml: what holds for every journey, each rule with its date and its source."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sojourn.core.book import Duration, PauseRule, Roles, Rules
from sojourn.core.conditions import Scope
from sojourn.core.types import DATE, Type, parse
from sojourn.core.zones import is_zone
from sojourn.definitions.durations import DURATION, TIME_OF_DAY, parse_duration
from sojourn.definitions.expressions import condition
from sojourn.definitions.grammar import (
    Choice,
    Expr,
    F,
    Fields,
    Integer,
    Items,
    Leaf,
    ListOf,
    Name,
    Parsed,
    Record,
    Text,
)
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping as MappingNode

CLASSES: Final = ("mandatory", "service", "care", "marketing")  # strongest first (Q6)
LOCALES: Final = ("zh-CN", "en")


@dataclass(frozen=True, slots=True)
class DeliveryDefaults:
    """What a step gets that does not say it itself (N5, N6, N13); ``since`` and ``source`` are for people."""

    valid_for: Mapping[str, Duration]
    catch_up: Duration
    drop: bool


@dataclass(frozen=True, slots=True)
class RulesFile:
    """rules.yaml, compiled: the rules of the engine, the defaults of steps, and where each rule comes from."""

    rules: Rules
    delivery: DeliveryDefaults
    sources: Mapping[str, tuple[str, str]]  # section -> (since, source)


_CLASS: Final = Choice(CLASSES, "class")
_ZERO: Final = re.compile(r"0 (seconds|minutes|hours|days)", re.ASCII)


def _parse_catch_up(text: str) -> Duration:
    """Give how late a touch may be armed; `0 minutes` says that a past touch is skipped (N5)."""
    return Duration(text=text) if _ZERO.fullmatch(text) else parse_duration(text)


_CATCH_UP: Final = Parsed(_parse_catch_up, "a duration such as 2 hours, or 0 minutes")
_SINCE: Final = Parsed(lambda text: parse(DATE, text), "a date as 2026-01-01")
_ORIGIN: Final = (
    F("since", _SINCE, "the date from which it holds", required=True),
    F("source", Text(), "who decided it", required=True),
)
_QUIET: Final = Record(
    "the quiet hours",
    (
        F("channels", ListOf(Name("channel")), "channels that are held", required=True),
        F("from", TIME_OF_DAY, "the local time at which they begin", required=True),
        F("to", TIME_OF_DAY, "the local time at which they end; held messages go out then", required=True),
        *_ORIGIN,
    ),
)
_CAP: Final = Record(
    "the cap",
    (
        F("classes", ListOf(_CLASS), "classes that it counts", required=True),
        F("per_day", Integer(1, 1000), "touches on one local day", required=True),
        F("per_7_days", Integer(1, 1000), "touches in any seven local days", required=True),
        *_ORIGIN,
    ),
)
_VALID_FOR: Final = Record(
    "the validity of messages", tuple(F(k, DURATION, f"class {k}", required=True) for k in CLASSES)
)
_DELIVERY: Final = Record(
    "the delivery",
    (
        F("valid_for", _VALID_FOR, "how long a message of each class may still go out (N6)", required=True),
        F("catch_up", _CATCH_UP, "how late a touch may be armed and still go out (N5)"),
        F("on_cap", Choice(("defer", "drop"), "word for on_cap"), "what happens above the cap (N13)"),
        *_ORIGIN,
    ),
)
_CONSENT: Final = Record(
    "the consent",
    (*(F(klass, Name("purpose"), f"the purpose that class {klass} needs") for klass in CLASSES), *_ORIGIN),
)
_PAUSE: Final = Record(
    "a pause",
    (
        F("classes", ListOf(_CLASS, least=1), "classes that rest", required=True),
        F("while", Expr(), "a condition over the profile", required=True),
        F("reason", Name("reason"), "the reason in the log", required=True),
        *_ORIGIN,
    ),
)
_DEFAULTS: Final = Record(
    "the defaults",
    (
        F("zone", Text(), "zone of customers without one (N2)", required=True),
        F("locale", Choice(LOCALES, "locale"), "language of customers without one (Q28)", required=True),
        *_ORIGIN,
    ),
)
RULES: Final = Record(
    "rules.yaml",
    (
        F("quiet_hours", _QUIET, "times in which a channel rests (N14)", required=True),
        F("cap", _CAP, "how often a customer is touched (N13)", required=True),
        F("delivery", _DELIVERY, "how messages are sent that say nothing else", required=True),
        F("consent", _CONSENT, "class -> purpose (N12)", required=True),
        F("pauses", ListOf(_PAUSE), "conditions under which classes rest (N20)"),
        F("defaults", _DEFAULTS, "zone and language", required=True),
    ),
)
_REASONS: Final = frozenset({"paused_complaint"})


def read_rules(
    node: MappingNode, customer: Mapping[str, Type], roles: Roles | None, problems: Problems
) -> RulesFile | None:
    """Give the rules of a project, or None after noting why there are none.

    Args:
        node: The root of rules.yaml.
        customer: The fields of the profile, for conditions of pauses.
        roles: The roles of the profile; channels must have an address there.
        problems: Takes all mistakes of the file.
    """
    before = len(problems.errors)
    parsed: Fields | None = RULES.parse(node, problems)
    if parsed is None or len(problems.errors) > before:
        return None
    quiet, cap, defaults = parsed.get("quiet_hours"), parsed.get("cap"), parsed.get("defaults")
    if not is_zone(defaults.value("zone")):
        problems.add(defaults.place("zone"), f"`{defaults.value('zone')}` is no time zone", "as Asia/Shanghai")
    addresses = None if roles is None else roles.addresses
    for leaf in quiet.get("channels"):
        if addresses is not None and leaf.value not in addresses:
            hint = f"allowed: {', '.join(addresses)}"
            problems.add(leaf.place, f"no address is declared for the channel `{leaf.value}`", hint)
    rules = Rules(
        quiet_channels=frozenset(_values(quiet.get("channels"))),
        quiet_from=quiet.value("from"),
        quiet_to=quiet.value("to"),
        cap_classes=frozenset(_values(cap.get("classes"))),
        cap_day=cap.value("per_day"),
        cap_week=cap.value("per_7_days"),
        week_days=7,
        purposes={name: parsed.get("consent").value(name) for name in CLASSES if name in parsed.get("consent")},
        pauses=_pauses(parsed.get("pauses"), Scope(customer=customer), problems),
        default_zone=defaults.value("zone"),
        default_locale=defaults.value("locale"),
    )
    return RulesFile(rules, _delivery(parsed.get("delivery")), _sources(parsed))


def _values(items: Items) -> tuple[str, ...]:
    return tuple(leaf.value for leaf in items)


def _delivery(parsed: Fields) -> DeliveryDefaults:
    valid = {klass: parsed.get("valid_for").value(klass) for klass in CLASSES}
    return DeliveryDefaults(valid, parsed.value("catch_up", Duration()), parsed.value("on_cap") == "drop")


def _pauses(items: Items | None, scope: Scope, problems: Problems) -> tuple[PauseRule, ...]:
    found: list[PauseRule] = []
    for one in items or ():
        reason: Leaf = one.get("reason")
        if reason.value not in _REASONS:
            problems.add(reason.place, f"`{reason.value}` is no reason of a pause", f"allowed: {', '.join(_REASONS)}")
        test = condition(one.get("while"), scope, problems)
        if test is not None:
            found.append(PauseRule(frozenset(_values(one.get("classes"))), test, reason.value))
    return tuple(found)


def _sources(parsed: Fields) -> dict[str, tuple[str, str]]:
    found = {}
    for name, section in parsed.values.items():
        sections = section if isinstance(section, Items) else [section]
        for number, one in enumerate(sections):
            key = f"{name}.{number}" if isinstance(section, Items) else name
            found[key] = (one.value("since").isoformat(), one.value("source"))
    return found
