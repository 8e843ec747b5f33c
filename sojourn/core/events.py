"""An event meets a customer: projections, then runs, then starts (Q9, N8-N11, Q29-Q35).

For each run that it addresses the order is goal, exit, set, react, waits, deadlines. A stale event feeds
no set, react or deadline; it may answer a wait; goal and exit are never stale.
"""

from functools import partial

from sojourn.core.book import Ending, Journey, Reaction
from sojourn.core.deadlines import feed_deadlines
from sojourn.core.guards import lacks_consent
from sojourn.core.memory import keep_early, remember
from sojourn.core.model import Event, Profile, Run, Send
from sojourn.core.profile import Customer
from sojourn.core.projections import project
from sojourn.core.runs import end_run, keep_whole, set_facts, settle_run, supersede
from sojourn.core.schedule import rezone
from sojourn.core.starts import became_true, start_at_change, start_at_event
from sojourn.core.starts_day import arm_days
from sojourn.core.steps.wait_for import matches
from sojourn.core.turn import Turn, is_stale, raise_applied, replace
from sojourn.core.types import encode
from sojourn.core.walk import begin, hear_event, message_done


def apply_event(turn: Turn, event: Event) -> None:
    """Apply an event at ``turn.now``, its arrival; timers due before have run already."""
    old = turn.profile
    new = project(turn.book, old, event, turn.now)
    if new is not old:
        turn.set_profile(new)
        profile_changed(turn, old)
        for run in turn.live_runs(lambda run: bool(turn.journey(run).ended_by_change)):
            _end_by_change(turn, run, event)
    met = turn.live_runs(lambda run: _listens(turn, run, event))
    for run in met:
        if run.id in turn.runs:
            keep_whole(turn, run.id, partial(give_event, turn, run.id, event))
    found = frozenset(run.journey for run in met)
    start_at_event(turn, event, give_event)
    if new is not old:
        start_at_change(turn, event, give_event)
    remember(turn, event, found)
    keep_early(turn, event, found)


def _listens(turn: Turn, run: Run, event: Event) -> bool:
    journey = turn.journey(run)
    return event.type in journey.listens and is_addressed(journey, run, event)


def is_addressed(journey: Journey, run: Run, event: Event) -> bool:
    """Tell whether an event means this run: every key field that it carries is equal (N11, Q31)."""
    payload = event.payload
    instance = payload.get("instance_id")
    if instance is not None and instance != run.id:
        return False
    named = payload.get("journey_id")
    if named is not None and named != journey.id:
        return False
    for field, value in zip(journey.key, run.key, strict=True):
        carried = payload.get(field)
        if carried is not None and encode(journey.fact_types[field], carried) != value:
            return False
    return True


def give_event(turn: Turn, run_id: str, event: Event) -> bool:
    """Apply an event to one run, in the order of Q9; tell whether it did anything to it."""
    run = turn.runs[run_id]
    if run.ended is not None:
        return False
    journey = turn.journey(run)
    ending = _ending(turn, run, journey, event)
    if ending is not None:
        finish_by(turn, run, ending, event)
        return True
    stale = is_stale(run.applied, event)
    if stale:
        turn.note("stale", journey, run.key, run_id=run.id, event_id=event.id)
    walks = tuple((copy.body, copy.mark) for copy in run.copies)
    took = False if stale else _react(turn, run_id, journey, event)
    took = hear_event(turn, run_id, event, walks) or took
    if not stale:
        took = feed_deadlines(turn, run_id, event) or took
    _overtake(turn, run_id, event, stale)
    run_now = turn.runs.get(run_id)
    if took and run_now is not None:
        turn.put_run(replace(run_now, applied=raise_applied(run_now.applied, event)))
    settle_run(turn, run_id)
    return took


def _ending(turn: Turn, run: Run, journey: Journey, event: Event) -> Ending | None:
    for ending in journey.endings:
        if ending.events and matches(turn, run, ending.events, event.type, event.payload):
            return ending
    return None


def _end_by_change(turn: Turn, run: Run, event: Event) -> None:
    for ending in turn.journey(run).ended_by_change:
        if ending.becomes is not None and became_true(turn, ending.becomes, turn.run_frame(run)):
            finish_by(turn, run, ending, event)
            return


def finish_by(turn: Turn, run: Run, ending: Ending, event: Event) -> None:
    """End a run by a goal or exit; the ending's own sends still go, through the guards (N17)."""
    journey = turn.journey(run)
    cause = turn.cause_of(journey, event)
    run = end_run(turn, run, ending.reason, goal=ending.goal)
    begin(turn, run.id, ending.id, "", ending.entry, cause)
    settle_run(turn, run.id)


def _react(turn: Turn, run_id: str, journey: Journey, event: Event) -> bool:
    """All reactions that match run; values are set before anything else is done (Q9, Q33)."""
    run = turn.runs[run_id]
    hits = [
        reaction
        for reaction in journey.reactions
        if not (reaction.once and reaction.id in run.once)
        and matches(turn, run, reaction.events, event.type, event.payload)
    ]
    for reaction in hits:
        run = turn.runs[run_id]
        if reaction.sets:
            frame = turn.run_frame(run, event.payload)
            types = journey.fact_types
            set_facts(turn, run, {name: encode(types[name], value(frame)) for name, value in reaction.sets.items()})
    for reaction in hits:
        if run_id in turn.runs and turn.runs[run_id].ended is None:
            _do(turn, run_id, journey, reaction, event)
    return bool(hits)


def _do(turn: Turn, run_id: str, journey: Journey, reaction: Reaction, event: Event) -> None:
    run = turn.runs[run_id]
    if reaction.once:
        run = turn.put_run(replace(run, once=(*run.once, reaction.id)))
    if reaction.entry is None:
        return
    if reaction.waits and not reaction.parallel:
        _replace_copies(turn, run, reaction.id)
    begin(turn, run_id, reaction.id, mark_of(event), reaction.entry, turn.cause_of(journey, event))


def mark_of(event: Event) -> str:
    """Give what makes the messages of a reaction the only ones: the entity's seq, else the event's id (Q32)."""
    if event.seq is None:
        return event.id
    return f"{event.entity_type}|{event.entity_id}|{event.seq}"


def _replace_copies(turn: Turn, run: Run, body: str) -> None:
    """A new event of its type cancels the unfinished copy wherever it stands (Q33)."""
    turn.put_run(replace(run, copies=tuple(copy for copy in run.copies if copy.body != body)))
    supersede(turn, run, [send for send in turn.sends_of(run.id) if send.copy.startswith(body + "|")])


def _overtake(turn: Turn, run_id: str, event: Event, stale: bool) -> None:
    """Later news wins over a held message of an `otherwise` branch (Q24a)."""
    run = turn.runs.get(run_id)
    if run is None or run.ended is not None or not any(True for _ in turn.sends_of(run_id)):
        return
    journey = turn.journey(run)
    gone: list[Send] = []
    for send in turn.sends_of(run_id):
        node = journey.nodes.get(send.ref)
        for ref in node.otherwise_of if node is not None else ():
            wait = journey.nodes[ref]
            if matches(turn, run, getattr(wait, "events", ()), event.type, event.payload):
                gone.append(send)
                break
    for send in supersede(turn, run, gone):
        message_done(turn, send, superseded=True)


def profile_changed(turn: Turn, old: Profile) -> None:
    """Do what a changed profile asks for: moved zone, new address, consent gone, conditions that became true."""
    book = turn.book
    before, view = Customer(book, old, turn.now), turn.view
    if before.zone != view.zone:
        rezone(turn, before.zone)
    roles = book.profile.roles
    arm_days(
        turn,
        known=not old.known and turn.profile.known,
        born=before[roles.birth_date] != view[roles.birth_date],
    )
    if not old.known and turn.profile.known:
        turn.sends = tuple(
            replace(send, next_at=turn.now) if send.reason == "no_profile" else send for send in turn.sends
        )
    if old.consent is not turn.profile.consent or before[roles.do_not_contact] != view[roles.do_not_contact]:
        _end_without_consent(turn)


def _end_without_consent(turn: Turn) -> None:
    """Without any consent left for their purpose runs end at once; a re-grant does not revive them (N12, Q20)."""
    for run in turn.live_runs():
        journey = turn.journey(run)
        if lacks_consent(turn, journey) is not None:
            end_run(turn, run, "consent_withdrawn", "no_consent")
            settle_run(turn, run.id)
