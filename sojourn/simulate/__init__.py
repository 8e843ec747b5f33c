"""The engine on a simulated clock: rehearse a change on recorded events."""

from sojourn.simulate.lines import Line, in_order, is_sorted, read_lines
from sojourn.simulate.replay import DeadLetter, Replay
from sojourn.simulate.world import World

__all__ = ["DeadLetter", "Line", "Replay", "World", "in_order", "is_sorted", "read_lines"]
