"""`end`: stop the run with a reason."""

from sojourn.core.book import EndNode
from sojourn.core.model import Copy, Run
from sojourn.core.runs import end_run
from sojourn.core.steps.result import ENDED, Result
from sojourn.core.turn import Turn


def run(turn: Turn, run: Run, copy: Copy, node: EndNode) -> Result:
    """End the run; its open messages are suppressed."""
    end_run(turn, run, node.reason)
    return ENDED
