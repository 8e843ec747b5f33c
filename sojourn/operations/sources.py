"""Sources as operators see them: how far each is stored, which one stands still, and a person's waiver for it.

Timers wait for a source that is behind. A waiver says that they need not, until an instant: marketing, care and the
ends of waits then run without what is unread there (design.md, "Time").
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from sojourn.core.nearest import did_you_mean
from sojourn.errors import ConfigurationError
from sojourn.intake.frontier import PREFIX as KAFKA
from sojourn.intake.frontier import STALLED_MS
from sojourn.ports import Store
from sojourn.records import Position, Waiver

LONGEST_MS: Final = 7 * 86_400_000
_TEXT_LIMIT: Final = 500


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source stands. ``lag_ms``: how long ago the newest arrival was up to which everything is stored.

    ``stalled``: nobody has moved it for ten minutes. ``waiver``: the one in force, if there is one.
    """

    source: str
    next: int
    stored_to: int
    moved_at: int
    lag_ms: int
    stalled: bool
    waiver: Waiver | None


def source_states(positions: Mapping[str, Position], waivers: Sequence[Waiver], now: int) -> list[SourceState]:
    """Give the state of every Kafka partition that was ever read, by name; ``now`` is ms."""
    in_force = {one.source: one for one in waivers if one.until > now}
    return [
        SourceState(
            source=name,
            next=at.next,
            stored_to=at.stored_to,
            moved_at=at.moved_at,
            lag_ms=max(0, now - at.stored_to),
            stalled=max(at.moved_at, at.stored_to) <= now - STALLED_MS,
            waiver=in_force.get(name),
        )
        for name, at in sorted(positions.items(), key=lambda one: _order(one[0]))
        if name.startswith(KAFKA)
    ]


async def waive(store: Store, names: Collection[str], *, lasts_ms: int, by: str, reason: str) -> list[Waiver]:
    """Record that timers need not wait for sources, from now on for so long (0: no longer), and give what was kept.

    A name is a source, or a topic for all its partitions.

    Raises:
        ConfigurationError: A source was never read, nobody or nothing is named, or the time is too long.
    """
    by, reason = (" ".join(text.split())[:_TEXT_LIMIT] for text in (by, reason))
    if not by or not reason or not (by + reason).isprintable():
        raise ConfigurationError(
            "A waiver needs a person and a reason, without control characters",
            next_step="Say --by NAME and --reason TEXT",
        )
    if not 0 <= lasts_ms <= LONGEST_MS:
        raise ConfigurationError(
            "A waiver cannot last so long", longest="7 days", next_step="Give a shorter one, and renew it if need be"
        )
    async with store.transaction() as tx:
        now = await tx.now()
        known = [name for name in await tx.positions() if name.startswith(KAFKA)]
        wanted = list(dict.fromkeys(source for name in names for source in _named(name, known)))
        given = [Waiver(source=one, at=now, until=now + lasts_ms, by=by, reason=reason) for one in wanted]
        for waiver in given:
            await tx.waive(waiver)
    return given


def _named(name: str, known: Sequence[str]) -> list[str]:
    full = name if name.startswith(KAFKA) else KAFKA + name
    found = [one for one in known if one == full or one.rpartition("/")[0] == full]
    if not found:
        topics = {one.rpartition("/")[0] for one in known}
        raise ConfigurationError(
            "No such source was ever read",
            source=name,
            next_step=did_you_mean(full, [*known, *topics]) or "`sojourn intake list` names them",
        )
    return sorted(found, key=_order)


def _order(source: str) -> tuple[str, int]:
    """Partition 10 comes behind partition 9."""
    topic, _, partition = source.rpartition("/")
    return (topic, int(partition)) if partition.isascii() and partition.isdigit() else (source, 0)
