"""What became of a hand-over or a call (Q27, Q42, Q46), and what another system answered (Q26)."""

from sojourn.core.book import CallNode
from sojourn.core.caps import give_back, sent_mark
from sojourn.core.ids import message_id
from sojourn.core.model import Answer, Outcome, Send
from sojourn.core.runs import set_facts, settle_run
from sojourn.core.steps.call import saved
from sojourn.core.steps.result import Go
from sojourn.core.turn import Turn, mark_sent, replace
from sojourn.core.walk import find_copy, message_done, resume

_REPEAT_AFTER = 60_000  # a mandatory message without an answer is repeated once (Q27)


def apply_outcome(turn: Turn, outcome: Outcome) -> None:
    """Take an outcome; one for a message that is terminal already changes nothing."""
    send = next((send for send in turn.sends if send.id == outcome.message_id), None)
    if send is None:
        return
    if outcome.kind == "not_taken" or (outcome.kind == "unknown" and _may_repeat(send, outcome)):
        _again(turn, send, outcome)
        return
    turn.drop_send(send)
    _APPLY[outcome.kind](turn, send, outcome)
    if send.channel == "call":
        settle_run(turn, send.run)  # the flow went on when the call was queued, or goes on with the answer
    else:
        message_done(turn, send)


def _accepted(turn: Turn, send: Send, outcome: Outcome) -> None:
    _went_out(turn, send)
    turn.row(send, "sent", None, handed_over_at=turn.now, detail=outcome.detail)


def _refused(turn: Turn, send: Send, outcome: Outcome) -> None:
    give_back(turn, send)
    turn.row(send, "failed", "provider_refused", detail=outcome.detail)


def _unrendered(turn: Turn, send: Send, outcome: Outcome) -> None:
    give_back(turn, send)
    turn.row(send, "suppressed", outcome.reason or "render_failed", detail=outcome.detail)


def _unknown(turn: Turn, send: Send, outcome: Outcome) -> None:
    """Nobody knows: the slot stays taken (Q46); a mandatory message goes once more, by itself."""
    repeat = send.klass == "mandatory" and send.status == "ready" and send.channel != "call" and not send.yielded
    _went_out(turn, send)
    turn.row(send, "in_doubt", "unknown_outcome", detail=outcome.detail | ({"repeated": True} if repeat else {}))
    if repeat:
        later = turn.now + _REPEAT_AFTER
        turn.add_send(replace(send, status="repeat", copy="", next_at=later, yielded=True))


_APPLY = {"accepted": _accepted, "refused": _refused, "unrendered": _unrendered, "unknown": _unknown}


def _may_repeat(send: Send, outcome: Outcome) -> bool:
    """A gateway that honours the key may be asked again, but not for marketing and care (Q27)."""
    return bool(outcome.detail.get("repeatable")) and send.klass in ("service", "mandatory")


def _again(turn: Turn, send: Send, outcome: Outcome) -> None:
    """Not taken: all guards again after a while, inside valid_until (Q27)."""
    at = outcome.retry_at or turn.now + _REPEAT_AFTER
    if send.channel != "call":  # a call has no validity: its tries are counted where it is made (B2)
        at = min(at, send.valid_until)
    turn.put_send(replace(send, status="retry", next_at=max(turn.now + 1, at), put_off=send.put_off + 1))


def _went_out(turn: Turn, send: Send) -> None:
    capped = send.klass in turn.book.rules.cap_classes
    mark_sent(turn, send, *([sent_mark(send)] if capped else []))


def apply_answer(turn: Turn, answer: Answer) -> None:
    """Take the answer of a call that waits for it: facts are set and the walk goes on (Q26)."""
    for run in turn.live_runs():
        journey = turn.journey(run)
        for copy in run.copies:
            node = journey.nodes[copy.at]
            if isinstance(node, CallNode) and node.save and _is_for(run.id, f"{copy.body}|{copy.mark}", node, answer):
                set_facts(turn, run, saved(turn, run, node, answer.values))
                current = turn.runs[run.id]
                walk = find_copy(current, f"{copy.body}|{copy.mark}")
                if walk is not None:
                    resume(turn, run.id, walk, Go(replace(walk, until=None), node.next))
                return


def _is_for(run: str, copy: str, node: CallNode, answer: Answer) -> bool:
    mark = copy.split("|", 1)[1]
    return answer.message_id == message_id(run, node.id, mark, ("call",), node.delivery.klass)
