"""Counts what intake and delivery do."""

from typing import Protocol

from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.quarantine import Quarantine
from sojourn.core.model import Deliver
from sojourn.delivery.claim import Given
from sojourn.delivery.send import Result
from sojourn.delivery.settle import SettledBatch
from sojourn.delivery.worker import Delivery
from sojourn.intake.apply import ENGINE_ERROR, Applied


class _Host(Protocol):
    @property
    def metrics(self) -> Metrics: ...
    @property
    def quarantine(self) -> Quarantine: ...
    @property
    def delivery(self) -> Delivery: ...


class Counting:
    """Tells the metrics, and parks customers whose decision raised on the way out."""

    def __init__(self, host: _Host) -> None:
        self._host = host

    def claimed(self, given: Given) -> None:
        """Orders were leased."""
        self._host.quarantine.add(given.broken)
        self._host.metrics.doubts.inc(given.doubts)
        for leased in given.orders:
            lane = leased.order.lane if isinstance(leased.order, Deliver) else "call"
            self._host.metrics.claim_seconds.labels(lane).observe(max(0, given.now - leased.ready_at) / 1000)
        self._host.metrics.in_flight.set(self._host.delivery.in_flight + len(given.orders))

    def ended(self, result: Result) -> None:
        """An attempt ended."""
        outcome = result.answered.kind if result.answered is not None else "unrendered"
        channel = result.leased.channel
        self._host.metrics.attempts.labels(channel, outcome).inc()
        self._host.metrics.attempt_seconds.labels(channel).observe(max(0, result.ended - result.started) / 1000)

    def settled(self, batch: SettledBatch) -> None:
        """Results were recorded."""
        self._host.quarantine.add(batch.broken)
        for reason in batch.letters:
            self._host.metrics.refused.labels(reason).inc()
        self._host.metrics.in_flight.set(self._host.delivery.in_flight)


def count_applied(metrics: Metrics, applied: Applied, seconds: float) -> None:
    """Count what became of a batch of inputs."""
    for fate in set(applied.fates):
        metrics.events.labels(fate).inc(applied.fates.count(fate))
    parked = applied.fates.count("parked")
    if parked:
        metrics.refused.labels(ENGINE_ERROR).inc(parked)
    for refused in applied.refusals.values():
        metrics.refused.labels(refused.reason).inc()
    for kind, count in applied.counts.items():
        metrics.notes.labels(kind).inc(count)
    metrics.intake_seconds.observe(seconds)
