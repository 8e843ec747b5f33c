"""`set`: remember values; dates that move take their touches along (N15)."""

from sojourn.core.book import SetNode
from sojourn.core.model import Copy, Run
from sojourn.core.runs import set_facts
from sojourn.core.steps.result import Go, Result
from sojourn.core.turn import Turn
from sojourn.core.types import encode


def run(turn: Turn, run: Run, copy: Copy, node: SetNode) -> Result:
    """Evaluate all expressions first, then set."""
    frame = turn.cause_frame(run, copy.cause)
    types = turn.journey(run).fact_types
    set_facts(turn, run, {name: encode(types[name], value(frame)) for name, value in node.facts.items()})
    return Go(copy, node.next)
