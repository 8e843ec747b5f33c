"""Figures of the whole installation, looked up every few seconds by each worker for readyz and metrics."""

from collections.abc import Mapping
from typing import Final

import msgspec

from sojourn.bootstrap.metrics import Metrics
from sojourn.intake.frontier import FOREVER, PREFIX, Frontier, frontier
from sojourn.ports import Views
from sojourn.records import LANES, Position, Waiting, Waiver

#: How often each process looks.
LOOK_S: Final = 5.0


class Figures(msgspec.Struct, frozen=True):
    """What the store says at ``at``, by this host's clock (ms)."""

    at: int
    positions: Mapping[str, Position] = {}
    waivers: tuple[Waiver, ...] = ()
    waiting: Waiting = Waiting()
    edge: Frontier | None = None

    @property
    def stalled(self) -> tuple[str, ...]:
        """The sources that hold timers back and that nobody has moved for ten minutes."""
        return () if self.edge is None else tuple(sorted({one.source for one, _ in self.edge.stalled()}))

    def waived(self, now: int) -> tuple[str, ...]:
        """The sources for which timers do not wait because a person said so."""
        return tuple(sorted(one.source for one in self.waivers if one.at <= now < one.until))


async def look_up(views: Views, topics: Mapping[str, int], now: int) -> Figures:
    """Give the figures; each look costs a few small reads, whatever the size of the store.

    Raises:
        TryLater: The store is away.
    """
    positions, waivers = await views.positions(), tuple(await views.waivers())
    return Figures(
        at=now,
        positions=positions,
        waivers=waivers,
        waiting=await views.waiting(),
        edge=frontier(positions, topics, waivers, now) if topics else None,
    )


def show(metrics: Metrics, figures: Figures) -> None:
    """Set the gauges of the whole installation."""
    metrics.stalled.set(len(figures.stalled))
    metrics.stored_to.clear()
    for source, position in figures.positions.items():
        if source.startswith(PREFIX):
            metrics.stored_to.labels(source).set(position.stored_to / 1000)
    if figures.edge is not None and figures.edge.worst.stored_to < FOREVER:
        metrics.frontier.set((figures.edge.now - figures.edge.worst.stored_to) / 1000)
    _show_waiting(metrics, figures.waiting, figures.at)


def _show_waiting(metrics: Metrics, waiting: Waiting, now: int) -> None:
    metrics.in_doubt.set(waiting.in_doubt)
    metrics.outgoing.set(waiting.outgoing)
    metrics.open_letters.clear()
    for reason, count in waiting.letters.items():
        metrics.open_letters.labels(reason).set(count)
    for lane in LANES:
        metrics.timers_waiting.labels(lane).set(max(0, now - waiting.due.get(lane, now)) / 1000)
    metrics.ready.clear()
    metrics.oldest_ready.clear()
    for depth in waiting.lanes:
        metrics.ready.labels(depth.channel, depth.lane).set(depth.ready)
        age = 0 if depth.oldest_ready is None else max(0, now - depth.oldest_ready)
        metrics.oldest_ready.labels(depth.channel, depth.lane).set(age / 1000)


def show_lag(metrics: Metrics, records: Mapping[str, int], seconds: Mapping[str, float]) -> None:
    """Set the gauges of the sources that this worker reads, and of no others."""
    metrics.lag_records.clear()
    metrics.lag_seconds.clear()
    for source, count in records.items():
        metrics.lag_records.labels(source).set(count)
    for source, age in seconds.items():
        metrics.lag_seconds.labels(source).set(age)
