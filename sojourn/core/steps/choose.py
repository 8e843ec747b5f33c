"""`choose`: the first branch whose condition holds; an unknown one ends the run (Q1)."""

from sojourn.core.book import ChooseNode
from sojourn.core.ids import message_id, values_by_field
from sojourn.core.model import Copy, Row, Run
from sojourn.core.runs import end_run
from sojourn.core.steps.result import ENDED, Go, Result
from sojourn.core.turn import Turn


def run(turn: Turn, run: Run, copy: Copy, node: ChooseNode) -> Result:
    """Take a branch, or go on below when none holds and nothing stands for the rest."""
    frame = turn.cause_frame(run, copy.cause)
    for condition, ref in node.branches:
        holds = condition(frame)
        if holds is True:
            return Go(copy, ref or node.next)
        if holds is None:
            _leave_row(turn, run, copy, node, condition.text)
            end_run(turn, run, "condition_unknown")
            return ENDED
    return Go(copy, node.otherwise or node.next)


def _leave_row(turn: Turn, run: Run, copy: Copy, node: ChooseNode, text: str) -> None:
    journey = turn.journey(run)
    turn.out.append(
        Row(
            message_id=message_id(run.id, node.id, copy.mark, (), journey.klass),
            customer_id=turn.customer,
            journey=run.journey,
            journey_version=run.version,
            key=values_by_field(journey.key, run.key),
            step=node.id,
            template=None,
            template_version=None,
            locale=None,
            channel=None,
            status="suppressed",
            reason="condition_unknown",
            due_at=turn.now,
            decided_at=turn.now,
            event_id=copy.cause.event_id,
            trace_id=copy.cause.trace_id,
            detail={"condition": text},
            run_id=run.id,
            klass=journey.klass,
        )
    )
