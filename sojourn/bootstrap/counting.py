"""Counts what delivery does."""

from typing import Protocol

from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.quarantine import Quarantine
from sojourn.delivery.claim import Given
from sojourn.delivery.send import Result
from sojourn.delivery.settle import SettledBatch
from sojourn.delivery.worker import Delivery


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
        self._host.metrics.in_flight.set(self._host.delivery.in_flight)
