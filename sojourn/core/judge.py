"""Judging messages when their instant is complete: priority, due, age; guards; a row or a hand-over (N7, Q15, Q36)."""

from collections.abc import Mapping
from typing import Any

from sojourn.core.behind import PATIENT, message_passes, passes_at
from sojourn.core.book import CallNode, SendNode
from sojourn.core.caps import give_back, is_counted, judge_cap, next_try, take_slot
from sojourn.core.guards import channel_guard, fresh_until, person_guard, quiet_until
from sojourn.core.ids import key_text
from sojourn.core.model import Behind, Deliver, Run, Send
from sojourn.core.steps.call import call_out
from sojourn.core.turn import Turn, mark_sent, replace
from sojourn.core.values import take_values
from sojourn.core.walk import message_done

_LOOK_AGAIN_MS = 60_000
_CHANNELS = {"sms": 0, "email": 1, "call": 2}
_OWN_SENDS = ("goal.", "exit.")


def order(turn: Turn, send: Send) -> tuple[Any, ...]:
    """Give the order of messages of one instant (N7, Q36)."""
    key = key_text(turn.journey(send).key, send.key)
    channel = _CHANNELS.get(send.channel, 3)
    return (-send.priority, send.due, send.started, send.journey, key, send.step, channel, send.anchor)


def judge_round(turn: Turn) -> None:
    """Judge every message that is due, in order; what follows from a suppression waits for the next round."""
    due = [send for send in turn.sends if _is_up(turn, send)]
    if len(due) > 1:
        due.sort(key=lambda send: order(turn, send))
    gone = [send for send in due if judge(turn, send)]
    for send in gone:
        message_done(turn, send)


def _is_up(turn: Turn, send: Send) -> bool:
    """Tell whether a message is judged now: a new one at once, one that waited only when its instant is complete."""
    if send.status == "ready":
        return False
    return send.next_at <= (turn.now if send.status == "new" else turn.upto)


def judge(turn: Turn, send: Send) -> bool:
    """Give one message its verdict; tell whether it is terminal now."""
    run = turn.runs.get(send.run)
    if run is not None and send.channel == "call":
        _call_again(turn, run, send)
        return False
    if run is None or (run.ended is not None and not send.copy.startswith(_OWN_SENDS)):
        return _suppress(turn, send, "journey_ended", {"ended": run.ended if run else None})
    if turn.now > send.valid_until:
        return _suppress(turn, send, "expired", {"valid_until": send.valid_until})
    if turn.behind is not None:
        if not message_passes(turn, send.klass, send.valid_until):
            return _wait_for_intake(turn, send, turn.behind, send.next_at)
        send = replace(send, behind=turn.behind.source)
    journey = turn.journey(run)
    node = journey.nodes.get(send.ref)
    send = replace(send, channel=send.by[0])  # until the choice is made (again) the first one stands (Q16)
    blocked = person_guard(turn, journey, run, node, send.klass)
    if blocked is not None:
        if blocked[0] == "control_group":
            mark_sent(turn, send)  # a would-be send counts for cool-downs and `sent(...)` (Q8, Q14)
        return _suppress(turn, send, *blocked)
    template = node.template if isinstance(node, SendNode) else ""
    reason, channel, detail = channel_guard(turn, template, send.by, send.klass)
    send = replace(send, channel=channel)
    if reason == "no_profile" and turn.now < send.valid_until:
        return _wait(turn, send, "held", reason, send.valid_until, detail)
    if reason == "no_profile":
        reason = "no_address"  # nobody has told us who this is, and it is too late now (Q12)
    if reason is not None:
        return _suppress(turn, send, reason, detail)
    return _judge_time(turn, run, send, template)


def _call_again(turn: Turn, run: Run, send: Send) -> None:
    """A call that was not taken goes out again; its guards were judged when the step was reached (Q26)."""
    node = turn.journey(run).nodes.get(send.ref)
    if isinstance(node, CallNode):
        ready = replace(send, status="ready", attempt=send.attempt + 1)
        turn.put_send(ready)
        turn.out.append(call_out(turn, run, node, ready))
    else:
        turn.drop_send(send)


def _judge_time(turn: Turn, run: Run, send: Send, template: str) -> bool:
    """Quiet hours, then cap and reservation: the cap is judged only when the message could go (Q15)."""
    release = quiet_until(turn, send.channel, send.urgent)
    if release is not None:
        if release > send.valid_until:
            return _suppress(turn, send, "quiet_hours", {"until": release, "valid_until": send.valid_until})
        return _wait(turn, send, "held", "quiet_hours", release, {"until": release})
    cap = judge_cap(turn, send)
    if cap is None:
        return _hand_over(turn, run, send, template)
    again = next_try(turn)
    if send.drop or again > send.valid_until:
        return _suppress(turn, send, "frequency_cap", cap.detail)
    return _wait(turn, send, "deferred", cap.reason, again, cap.detail | {"next": again})


def _hand_over(turn: Turn, run: Run, send: Send, template: str) -> bool:
    """Rendering stands last: without a required value nothing goes out; then give the message out."""
    book = turn.book
    info = book.templates.get(template)
    bodies = info.bodies.get(send.channel, frozenset()) if info else frozenset()
    locale = turn.view.locale
    if bodies and locale not in bodies:
        locale = book.rules.default_locale
    values, missing = take_values(turn, run, send, send.channel, locale)
    if missing:
        return _suppress(turn, send, "missing_variable", {"missing": missing})
    take_slot(turn, send)
    ready = replace(send, status="ready", reason=None, attempt=send.attempt + 1)
    turn.put_send(ready)
    capped = send.klass in book.rules.cap_classes
    turn.out.append(
        Deliver(
            message_id=send.id,
            channel=send.channel,
            locale=locale,
            template=template,
            template_version=info.version if info else 1,
            values=values,
            address=str(turn.view[book.profile.roles.addresses[send.channel]]),
            klass=send.klass,
            lane="urgent" if send.urgent else "bulk" if turn.journey(run).limit else "normal",
            until=fresh_until(turn, send.channel, send.urgent, capped, send.valid_until),
            send=ready,
            zone=turn.zone,
        )
    )
    return False


def _wait_for_intake(turn: Turn, send: Send, behind: Behind, next_at: int) -> bool:
    """Hold what may be outdated while a source is read too late; one row, however often it is looked at."""
    if send.reason == "intake_behind" and send.status == "held":
        return False
    give_back(turn, send)
    turn.put_send(replace(send, status="held", reason="intake_behind", next_at=next_at))
    detail = {"source": behind.source, "stored_to": behind.stored_to}
    shown = next_at if next_at > turn.now else passes_at(send.klass, send.valid_until)
    turn.row(send, "held", "intake_behind", detail=detail, next_at=shown)
    return False


def _wait(turn: Turn, send: Send, status: str, reason: str, until: int, detail: Mapping[str, Any]) -> bool:
    """Hold or defer: one row, and the whole chain again then (N13, N14)."""
    give_back(turn, send)
    turn.put_send(replace(send, status=status, reason=reason, next_at=until))
    turn.row(send, status, reason, detail=detail, next_at=until)
    return False


def _suppress(turn: Turn, send: Send, reason: str, detail: Mapping[str, Any]) -> bool:
    turn.drop_send(send)
    if is_counted(turn, send.touch):
        give_back(turn, send)
    turn.row(send, "suppressed", reason, detail=detail)
    return True


def hand_over_again(turn: Turn, message: str) -> None:
    """Judge a message that was given out but not taken yet: its verdict is no longer fresh."""
    send = next((send for send in turn.sends if send.id == message and send.status == "ready"), None)
    if send is None:
        return
    if send.channel != "call" and send.reason is not None:  # doomed since: superseded, journey_ended, no_consent
        _suppress(turn, send, send.reason, {"was": "ready"})
        message_done(turn, send, superseded=send.reason == "superseded")
        return
    behind, turn.behind = turn.behind, None
    if behind is not None and send.klass in PATIENT and turn.now < send.valid_until:
        _wait_for_intake(turn, send, behind, min(turn.now + _LOOK_AGAIN_MS, send.valid_until))
    elif judge(turn, replace(send, status="retry")):
        message_done(turn, send)
