"""What is remembered apart from runs: events that judge later starts, and early ones (Q7, N9, Q30)."""

from sojourn.core.book import Journey, Match
from sojourn.core.model import Early, Event, Memory, Remembered, Seen
from sojourn.core.turn import Turn, replace
from sojourn.core.types import encode
from sojourn.core.walk import keep
from sojourn.core.zones import DAY, HOUR

SEEN_FOR = 30 * DAY
EARLY_FOR = 72 * HOUR


def key_of(journey: Journey, event: Event) -> tuple[object, ...] | None:
    """Give the key that an event carries in full, or None (Q31: absent or null is not carried)."""
    values = tuple(event.payload.get(field) for field in journey.key)
    if any(value is None for value in values):
        return None
    return tuple(encode(journey.fact_types[f], v) for f, v in zip(journey.key, values, strict=True))


def carried_key(journey: Journey, event: Event) -> tuple[object, ...]:
    """Give the key fields that an event carries, None for those that it does not (N11)."""
    values = ((field, event.payload.get(field)) for field in journey.key)
    return tuple(None if value is None else encode(journey.fact_types[field], value) for field, value in values)


def entity_of(event: Event) -> str:
    """Give the name of an event's entity."""
    return f"{event.entity_type}|{event.entity_id}"


def remember(turn: Turn, event: Event, found: frozenset[str]) -> None:
    """Remember an event that judges later starts of the journeys that name it."""
    for journey in turn.book.judges.get(event.type, ()):
        key = key_of(journey, event)
        entity, source = entity_of(event), event.source
        if event.type in journey.started_by and key is not None and event.seq is not None:
            _see(turn, Seen(journey.id, key, False, entity, source, event.seq, event.occurred, turn.now))
        if _ends(turn, journey, event):
            if event.entity_id is not None:
                carried = carried_key(journey, event)
                _see(turn, Seen(journey.id, carried, True, entity, source, event.seq, event.occurred, turn.now))
            if journey.again.kind == "never" and key is not None and journey.key and journey.id not in found:
                kept = tuple(old for old in turn.memory.remembered if old.at >= turn.now - SEEN_FOR)
                turn.memory = replace(turn.memory, remembered=(*kept, Remembered(journey.id, key, turn.now)))


def _ends(turn: Turn, journey: Journey, event: Event) -> bool:
    """Tell whether an event is a goal or exit of a journey, judged without a run."""
    return any(_fits(turn, journey, match, event) for match in journey.ended_by.get(event.type, ()))


def _fits(turn: Turn, journey: Journey, match: Match, event: Event) -> bool:
    return match.condition is None or match.condition(turn.frame({}, journey.params, event.payload)) is True


def _see(turn: Turn, new: Seen) -> None:
    kept = tuple(old for old in turn.memory.seen if old.at >= turn.now - SEEN_FOR and not _covers(new, old))
    turn.memory = replace(turn.memory, seen=(*kept, new))


def _covers(new: Seen, old: Seen) -> bool:
    """Tell whether a newer entry makes an older one needless: same place, and nothing of it reaches further."""
    here, there = (new.journey, new.key, new.ending, new.entity), (old.journey, old.key, old.ending, old.entity)
    return (
        here == there and new.source == old.source and (new.seq or 0) >= (old.seq or 0) and new.occurred >= old.occurred
    )


def is_stale_start(memory: Memory, journey: str, key: tuple[object, ...], event: Event, now: int) -> bool:
    """Tell whether a starting event has been overtaken (Q7); events without seq never are."""
    if event.seq is None:
        return False
    entity = entity_of(event)
    for seen in memory.seen:
        if seen.journey != journey or seen.entity != entity or seen.at < now - SEEN_FOR:
            continue
        if not all(had is None or had == has for had, has in zip(seen.key, key, strict=True)):
            continue
        if seen.source != event.source:
            if event.occurred <= seen.occurred:
                return True
        elif seen.seq is not None and event.seq <= seen.seq:
            return True
    return False


def is_remembered(memory: Memory, journey: str, key: tuple[object, ...], now: int) -> bool:
    """Tell whether a goal or exit came before the start and blocks it (N9)."""
    return any(old.journey == journey and old.key == key and old.at >= now - SEEN_FOR for old in memory.remembered)


def keep_early(turn: Turn, event: Event, found: frozenset[str]) -> None:
    """Keep an event that finds no run, for a start within 72 hours (Q30)."""
    if event.seq is None:
        return
    for journey in turn.book.early.get(event.type, ()):
        if journey.id in found or event.entity_type != journey.start_entity or _ends(turn, journey, event):
            continue
        key = key_of(journey, event)
        if key is None or any(
            run.journey == journey.id and run.cause.event_id == event.id for run in turn.runs.values()
        ):
            continue
        kept = tuple(old for old in turn.memory.early if old.event.arrival >= turn.now - EARLY_FOR)
        turn.memory = replace(turn.memory, early=(*kept, Early(journey.id, key, keep(turn, event))))


def take_early(turn: Turn, journey: str, key: tuple[object, ...]) -> list[Early]:
    """Take the early events of a key out of memory, in seq order (Q30)."""
    mine = [e for e in turn.memory.early if e.journey == journey and e.key == key]
    if mine:
        rest = tuple(e for e in turn.memory.early if e not in mine)
        turn.memory = replace(turn.memory, early=rest)
    live = [e for e in mine if e.event.arrival >= turn.now - EARLY_FOR]
    return sorted(live, key=lambda e: (e.event.seq or 0, e.event.arrival, e.event.id))
