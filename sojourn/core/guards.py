"""The guards between a message and its customer, always in the same order (Q15).

Run ended; valid_until; deceased; do_not_contact; control group; personalisation; not_while; pause; address
and consent, where the channel is chosen; quiet hours; cap and reservation (caps.py); rendering (values.py).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from sojourn.core.book import Journey, Node, SendNode
from sojourn.core.model import Run
from sojourn.core.turn import Turn
from sojourn.core.zones import to_local, to_utc


class Verdict(NamedTuple):
    """What a guard says: a reason and the values compared, or None with the channel that was chosen."""

    reason: str | None
    channel: str
    detail: Mapping[str, Any] = MappingProxyType({})


def person_guard(
    turn: Turn, journey: Journey, run: Run | None, node: Node | None, klass: str
) -> tuple[str, Mapping[str, Any]] | None:
    """Judge what does not hang on a channel: from deceased to pause (Q15, Q26)."""
    view, roles = turn.view, turn.book.profile.roles
    mandatory = klass == "mandatory"
    if not mandatory and view[roles.deceased]:
        return "deceased", {}
    if not mandatory and view[roles.do_not_contact]:
        return "do_not_contact", {}
    if run is not None and run.control:
        return "control_group", {"control": journey.control[0] if journey.control else journey.id}
    if mandatory:
        return None
    if journey.personalised and view[roles.personalisation_opt_out]:
        return "personalisation_opt_out", {}
    blocked = _not_while(turn, journey, run, node)
    return blocked or _paused(turn, klass)


def _not_while(
    turn: Turn, journey: Journey, run: Run | None, node: Node | None
) -> tuple[str, Mapping[str, Any]] | None:
    own = node.not_while if isinstance(node, SendNode) else ()
    if not journey.not_while and not own:
        return None
    frame = turn.run_frame(run) if run is not None else turn.frame({}, journey.params)
    for condition in (*journey.not_while, *own):
        holds = condition(frame)
        if holds is True:
            return "not_while", {"condition": condition.text}
        if holds is None:
            return "condition_unknown", {"condition": condition.text}
    return None


def _paused(turn: Turn, klass: str) -> tuple[str, Mapping[str, Any]] | None:
    """Other classes rest while a pause holds; judged at hand-over (N20, Q22)."""
    frame = None
    for rule in turn.book.rules.pauses:
        if klass in rule.classes:
            frame = frame or turn.view.frame()
            if rule.condition(frame) is True:
                return rule.reason, {"condition": rule.condition.text}
    for paused, until in turn.memory.pauses:
        if paused == klass and turn.now < until:
            return "paused_complaint", {"until": until}
    for run in turn.runs.values():
        pauses = turn.journey(run).pauses
        if run.ended is None and pauses is not None and klass in pauses.classes:
            return "paused_complaint", {"journey": run.journey}
    return None


def channel_guard(turn: Turn, template: str, by: Sequence[str], klass: str) -> Verdict:
    """Choose the first channel with a body, a usable address and consent; else the first one's reason (Q16)."""
    bodies = turn.book.templates[template].bodies if template in turn.book.templates else {}
    first: Verdict | None = None
    for channel in by:
        if len(by) > 1 and bodies and channel not in bodies:
            continue
        verdict = _usable(turn, channel, klass)
        if verdict.reason is None:
            return verdict
        first = first or verdict
    return first or Verdict("no_address", by[0])


def _usable(turn: Turn, channel: str, klass: str) -> Verdict:
    view, book = turn.view, turn.book
    roles = book.profile.roles
    purpose = book.rules.purposes.get(klass)
    if not view[roles.addresses[channel]]:
        if not view.known and purpose is None:
            return Verdict("no_profile", channel)
        return Verdict("no_address", channel)
    if view[roles.valid[channel]] is False:
        return Verdict("invalid_address", channel)
    if purpose is not None and not view.granted(purpose, channel):
        return Verdict("no_consent", channel, {"purpose": purpose, "channel": channel})
    return Verdict(None, channel)


def state_guard(
    turn: Turn,
    journey: Journey,
    run: Run | None,
    node: Node | None,
    template: str,
    by: Sequence[str],
    klass: str,
) -> Verdict:
    """Judge all that depends on the customer's state: from deceased to consent (Q17)."""
    blocked = person_guard(turn, journey, run, node, klass)
    if blocked is not None:
        return Verdict(blocked[0], by[0], blocked[1])
    return channel_guard(turn, template, by, klass)


def quiet_until(turn: Turn, channel: str, urgent: bool) -> int | None:
    """Give the end of the quiet hours that hold a message now, or None (N14: half open, local)."""
    rules = turn.book.rules
    if urgent or channel not in rules.quiet_channels:
        return None
    day, time = to_local(turn.now, turn.zone)
    if rules.quiet_from <= rules.quiet_to:
        quiet, later = rules.quiet_from <= time < rules.quiet_to, False
    else:
        quiet, later = time >= rules.quiet_from or time < rules.quiet_to, time >= rules.quiet_from
    if not quiet:
        return None
    return to_utc(turn.zone, day + timedelta(days=1) if later else day, rules.quiet_to)


def fresh_until(turn: Turn, channel: str, urgent: bool, capped: bool, valid_until: int) -> int:
    """Give the instant up to which a verdict holds while the customer stays as he is."""
    rules = turn.book.rules
    day, time = to_local(turn.now, turn.zone)
    until = min(valid_until + 1, to_utc(turn.zone, day + timedelta(days=1), 0))
    if not urgent and channel in rules.quiet_channels and time < rules.quiet_from:
        until = min(until, to_utc(turn.zone, day, rules.quiet_from))
    return until


def lacks_consent(turn: Turn, journey: Journey) -> str | None:
    """Name why none of a journey's messages may go out, or None (Q8, Q20)."""
    purpose = turn.book.rules.purposes.get(journey.klass)
    if purpose is None:
        return None
    if turn.view[turn.book.profile.roles.do_not_contact]:
        return "do_not_contact"
    granted = any(turn.view.granted(purpose, channel) for channel in journey.channels)
    return None if granted else "no_consent"
