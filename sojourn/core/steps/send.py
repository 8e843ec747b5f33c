"""`send`: a message by each channel; done when all of them are terminal (N21)."""

from sojourn.core.book import SendNode
from sojourn.core.model import Copy, Run
from sojourn.core.sending import make_sends, unknown_rows
from sojourn.core.steps.result import Go, Result, Stay
from sojourn.core.turn import Turn, replace


def run(turn: Turn, run: Run, copy: Copy, node: SendNode) -> Result:
    """Create the messages of the step; their guards are judged when the instant is complete (Q36)."""
    if (node.id, copy.mark) in run.decided:
        return Go(copy, node.next)
    sends = make_sends(turn, run, node, copy.cause, f"{copy.body}|{copy.mark}", copy.mark, turn.now)
    holds = True if node.condition is None else node.condition(turn.cause_frame(run, copy.cause))
    if holds is False:
        return Go(copy, node.next)
    turn.put_run(replace(run, decided=(*run.decided, (node.id, copy.mark))))
    if holds is None:
        unknown_rows(turn, sends, node.condition)
        return Go(copy, node.next)
    for send in sends:
        turn.add_send(send)
    return Stay(copy)
