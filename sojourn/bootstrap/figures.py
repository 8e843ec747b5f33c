"""Figures of the whole installation, looked up every few seconds by each worker for readyz and metrics."""

from collections.abc import Mapping

import msgspec

from sojourn.bootstrap.metrics import Metrics
from sojourn.intake.frontier import FOREVER, PREFIX, Frontier, frontier
from sojourn.ports import Views
from sojourn.records import LaneDepth, Position, Waiver

MOST_COUNTED = 1_000


class Figures(msgspec.Struct, frozen=True):
    """What the store says at ``at``, by this host's clock (ms).

    ``in_doubt`` counts up to ``MOST_COUNTED``: a person looks long before.
    """

    at: int
    positions: Mapping[str, Position] = {}
    waivers: tuple[Waiver, ...] = ()
    lanes: tuple[LaneDepth, ...] = ()
    letters: Mapping[str, int] = {}
    in_doubt: int = 0
    edge: Frontier | None = None

    @property
    def stalled(self) -> tuple[str, ...]:
        """The sources that hold timers back and that nobody has moved for ten minutes."""
        return () if self.edge is None else tuple(sorted({one.source for one, _ in self.edge.stalled()}))

    def waived(self, now: int) -> tuple[str, ...]:
        """The sources for which timers do not wait because a person said so."""
        return tuple(sorted(one.source for one in self.waivers if one.at <= now < one.until))


async def look_up(views: Views, topics: Mapping[str, int], now: int) -> Figures:
    """Give the figures; each look costs a few small reads.

    Raises:
        TryLater: The store is away.
    """
    positions, waivers = await views.positions(), tuple(await views.waivers())
    doubts = await views.messages(("in_doubt",), MOST_COUNTED)
    return Figures(
        at=now,
        positions=positions,
        waivers=waivers,
        lanes=tuple(await views.lanes()),
        letters=await views.dead_letter_counts(),
        in_doubt=len(doubts.messages),
        edge=frontier(positions, topics, waivers, now) if topics else None,
    )


def show(metrics: Metrics, figures: Figures) -> None:
    """Set the gauges of the whole installation."""
    metrics.in_doubt.set(figures.in_doubt)
    metrics.stalled.set(len(figures.stalled))
    metrics.stored_to.clear()
    for source, position in figures.positions.items():
        if source.startswith(PREFIX):
            metrics.stored_to.labels(source).set(position.stored_to / 1000)
    if figures.edge is not None and figures.edge.worst.stored_to < FOREVER:
        metrics.frontier.set((figures.edge.now - figures.edge.worst.stored_to) / 1000)
    metrics.open_letters.clear()
    for reason, count in figures.letters.items():
        metrics.open_letters.labels(reason).set(count)
    for depth in figures.lanes:
        metrics.ready.labels(depth.channel, depth.lane).set(depth.ready)
        age = 0 if depth.oldest_ready is None else max(0, figures.at - depth.oldest_ready)
        metrics.oldest_ready.labels(depth.channel, depth.lane).set(age / 1000)


def show_lag(metrics: Metrics, records: Mapping[str, int], seconds: Mapping[str, float]) -> None:
    """Set the gauges of the sources that this worker reads, and of no others."""
    metrics.lag_records.clear()
    metrics.lag_seconds.clear()
    for source, count in records.items():
        metrics.lag_records.labels(source).set(count)
    for source, age in seconds.items():
        metrics.lag_seconds.labels(source).set(age)
