"""The heart: one pure function that every host calls.

    decide(book, state, input, now) -> Decision(state, commands)

``now`` is the instant of the input: the arrival of an event, the due time of a tick, the effective time of a
publication, the wall clock of a hand-over, outcome or answer; never before the customer's own clock. The same
function runs in production, in a journey's tests, in simulate and in searches; nothing about a journey is
decided anywhere else. Each rule has its module: events, starts, walk, schedule, deadlines, guards, caps, judge,
outcomes, migrate. State in, values out: the input state stays untouched.
"""

from sojourn.core.book import Book
from sojourn.core.events import apply_event
from sojourn.core.judge import hand_over_again
from sojourn.core.migrate import apply_publication
from sojourn.core.model import Answer, Decision, Event, HandOver, Input, Outcome, Publication, State, Tick
from sojourn.core.outcomes import apply_answer, apply_outcome
from sojourn.core.ticks import run_tick
from sojourn.core.turn import Turn


def decide(book: Book, state: State, what: Input, now: int) -> Decision:
    """Give what an input does to a customer: the new state and the commands, in order."""
    turn = Turn(book, state, max(now, state.hot.clock))
    match what:
        case Event():
            turn.arrival = min(what.arrival, turn.now)
            apply_event(turn, what)
        case Tick(upto, behind):
            turn.upto, turn.behind = (turn.now if upto is None else upto), behind
            run_tick(turn)
        case HandOver(message_id, behind):
            turn.behind = behind
            hand_over_again(turn, message_id)
        case Outcome():
            apply_outcome(turn, what)
        case Answer():
            apply_answer(turn, what)
        case Publication():
            apply_publication(turn, what)
    return turn.decision()
