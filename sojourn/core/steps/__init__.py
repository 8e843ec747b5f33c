"""The steps of a flow at run time, one file a step; ``STEPS`` says which function runs which node."""

from collections.abc import Callable

from sojourn.core.book import (
    CallNode,
    ChooseNode,
    EndNode,
    ExperimentNode,
    SendNode,
    SetNode,
    WaitForNode,
    WaitNode,
)
from sojourn.core.steps import call, choose, end, experiment, send, set_facts, wait, wait_for
from sojourn.core.steps.result import ENDED, Go, Result, Stay

STEPS: dict[type, Callable[..., Result]] = {
    SendNode: send.run,
    CallNode: call.run,
    WaitNode: wait.run,
    WaitForNode: wait_for.run,
    ChooseNode: choose.run,
    ExperimentNode: experiment.run,
    SetNode: set_facts.run,
    EndNode: end.run,
}

__all__ = ["ENDED", "STEPS", "Go", "Result", "Stay"]
