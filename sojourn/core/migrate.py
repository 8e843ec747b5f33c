"""A publication meets a customer: stay, move or drain (N16, Q43, Q45).

With ``move`` a run takes the new schedule, reactions, deadlines, goal, exit and expire; a walk goes on at the
step with the same id or, where that is gone, at the next following one that is still there.
"""

from sojourn.core.book import DeadlineSpec, Journey
from sojourn.core.model import Copy, Deadline, Publication, Run
from sojourn.core.runs import expire_at, settle_run, supersede
from sojourn.core.schedule import arm
from sojourn.core.starts_day import arm_new_days
from sojourn.core.steps.result import Go
from sojourn.core.turn import Turn, replace
from sojourn.core.types import encode
from sojourn.core.walk import message_done, resume


def apply_publication(turn: Turn, publication: Publication) -> None:
    """Take a new book; ``turn.book`` is the one that is in force from now on."""
    arm_new_days(turn)
    if publication.running != "move":
        return
    for run in turn.live_runs():
        current = turn.book.current.get(run.journey)
        if current is not None and current != run.version:
            _move(turn, run, turn.journey(run), turn.book.journeys[run.journey, current])


def _move(turn: Turn, run: Run, old: Journey, new: Journey) -> None:
    facts = dict(run.facts)
    frame = turn.frame(facts, new.params)
    for fact in new.facts:
        if fact.derived and fact.value is not None:
            facts[fact.name] = encode(fact.type, fact.value(frame))
    kept = {deadline.id: deadline for deadline in run.deadlines}
    deadlines = tuple(sorted((_taken_over(s, kept.get(s.id)) for s in new.deadlines), key=lambda d: d.id))
    walking = run.copies
    run = replace(run, version=new.version, facts=facts, deadlines=deadlines, copies=())
    run = turn.put_run(replace(run, expire_at=expire_at(turn, new, run)))
    for send in turn.sends_of(run.id):
        turn.put_send(replace(send, version=new.version))
    gone = [send for send in turn.sends_of(run.id) if send.ref not in new.nodes and send.channel != "call"]
    superseded = supersede(turn, run, gone)
    arm(turn, run)
    for copy in walking:
        _carry(turn, run.id, old, new, copy)
    for send in superseded:
        message_done(turn, send, superseded=True)
    settle_run(turn, run.id)


def _taken_over(spec: DeadlineSpec, old: Deadline | None) -> Deadline:
    """A new deadline waits for its event; one that has fired as often as the new version lets it is over (Q51)."""
    if old is None:
        return Deadline(spec.id)
    often = spec.at_most is not None and old.fired >= spec.at_most
    return replace(old, due=None) if often else old


def _carry(turn: Turn, run_id: str, old: Journey, new: Journey, copy: Copy) -> None:
    """Let a walk go on in the new version; a running wait keeps its end."""
    run = turn.runs.get(run_id)
    if run is None or run.ended is not None:
        return
    if copy.at in new.nodes:
        turn.put_run(replace(run, copies=(*run.copies, copy)))
        return
    body = old.nodes[copy.at].body
    place = old.order[copy.at]
    later = sorted((at, ref) for ref, at in old.order.items() if at > place and old.nodes[ref].body == body)
    ref = next((ref for _, ref in later if ref in new.nodes and new.nodes[ref].body == body), None)
    turn.put_run(replace(run, copies=(*run.copies, copy)))
    resume(turn, run_id, copy, Go(replace(copy, until=None), ref))
