"""`experiment`: an arm by the hash of the customer, the same for ever (N18, Q14)."""

from sojourn.core.book import ExperimentNode
from sojourn.core.ids import bucket
from sojourn.core.model import Copy, Run
from sojourn.core.steps.result import Go, Result
from sojourn.core.turn import Turn


def run(turn: Turn, run: Run, copy: Copy, node: ExperimentNode) -> Result:
    """Take the arm in whose share of 100 the customer falls."""
    place = bucket(node.name, turn.customer)
    for name, upto, ref in node.arms:
        if place < upto:
            turn.note("arm", turn.journey(run), run.key, run_id=run.id, cause=f"{node.name}:{name}")
            return Go(copy, ref or node.next)
    return Go(copy, node.next)
