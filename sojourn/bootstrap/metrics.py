"""Every metric of the engine: declared once, with its unit and meaning; the docs are held equal by test."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        one = self.registry
        self.events = Counter(
            "sojourn_events", "Inputs by what became of them (accepted, duplicate, conflict, parked, refused)",
            ["fate"], registry=one,
        )  # fmt: skip
        self.refused = Counter(
            "sojourn_dead_letters", "Inputs and calls that went to the dead letters, by reason", ["reason"],
            registry=one,
        )  # fmt: skip
        self.notes = Counter(
            "sojourn_decisions_noted", "What decisions noted that is no row, by kind (started, ended, stale ...)",
            ["kind"], registry=one,
        )  # fmt: skip
        self.intake_seconds = Histogram(
            "sojourn_intake_seconds", "Seconds from a batch being taken to its being stored and decided",
            buckets=_SECONDS, registry=one,
        )  # fmt: skip
        self.intake_queue = Gauge("sojourn_intake_queue", "Inputs waiting to be stored", registry=one)
        self.timers = Counter("sojourn_timers_fired", "Customers whose timers were run", registry=one)
        self.timer_lag = Gauge(
            "sojourn_timer_lag_seconds", "How late the last page of timers was, in seconds", registry=one
        )
        self.timers_waiting = Gauge(
            "sojourn_timers_oldest_seconds",
            "Since when the oldest timer of a lane is due and did not run, in seconds; 0 without one", ["lane"],
            registry=one,
        )  # fmt: skip
        self.claim_seconds = Histogram(
            "sojourn_claim_seconds", "Seconds from an order being ready to its being claimed, by lane (`call`: calls)",
            ["lane"], buckets=_SECONDS, registry=one,
        )  # fmt: skip
        self.attempts = Counter(
            "sojourn_attempts",
            "What providers made of attempts, by channel and outcome",
            ["channel", "outcome"],
            registry=one,
        )
        self.attempt_seconds = Histogram(
            "sojourn_attempt_seconds", "Seconds of one attempt at a provider, rendering included", ["channel"],
            buckets=_SECONDS, registry=one,
        )  # fmt: skip
        self.in_flight = Gauge("sojourn_in_flight", "Attempts under way or not recorded yet", registry=one)
        self.doubts = Counter(
            "sojourn_silent_leases", "Messages in doubt because their worker ended in the middle", registry=one
        )
        self.store_errors = Counter(
            "sojourn_store_errors", "Transactions that the store put off or refused, by kind of error", ["kind"],
            registry=one,
        )  # fmt: skip
        self.quarantined = Gauge("sojourn_quarantined_customers", "Customers whose inputs are parked", registry=one)
        self.ready = Gauge(
            "sojourn_outbox_ready", "Orders waiting for hand-over by channel and lane, at most 10,000",
            ["channel", "lane"], registry=one,
        )  # fmt: skip
        self.oldest_ready = Gauge(
            "sojourn_outbox_oldest_seconds", "Age of the oldest order that waits for hand-over, in seconds",
            ["channel", "lane"], registry=one,
        )  # fmt: skip
        self.release = Gauge("sojourn_release", "Number of the release that is in force", registry=one)
        self.lag_records = Gauge(
            "sojourn_lag_records", "Records of a source that this worker reads and that are not stored yet", ["source"],
            registry=one,
        )  # fmt: skip
        self.lag_seconds = Gauge(
            "sojourn_lag_seconds", "Age of the oldest such record, in seconds; 0 without one", ["source"], registry=one
        )
        self.stored_to = Gauge(
            "sojourn_stored_to_seconds", "Instant up to which a source is stored, in seconds since 1970", ["source"],
            registry=one,
        )  # fmt: skip
        self.stalled = Gauge("sojourn_stalled_sources", "Sources that nobody has moved for ten minutes", registry=one)
        self.frontier = Gauge(
            "sojourn_frontier_seconds", "How far timers may go, in seconds behind the clock (about 2 when all is well)",
            registry=one,
        )  # fmt: skip
        self.decision_seconds = Histogram(
            "sojourn_decision_seconds", "Seconds from the timestamp of a batch's oldest record to its decision",
            buckets=_SECONDS, registry=one,
        )  # fmt: skip
        self.exchange_seconds = Histogram(
            "sojourn_exchange_seconds", "Seconds to settle what ended and to claim what may go", buckets=_SECONDS,
            registry=one,
        )  # fmt: skip
        self.in_doubt = Gauge(
            "sojourn_in_doubt", "Messages of which nobody knows whether they were sent, at most 10,000", registry=one
        )
        self.open_letters = Gauge(
            "sojourn_open_dead_letters", "Open dead letters by reason, at most 10,000 each", ["reason"], registry=one
        )
        self.outgoing = Gauge(
            "sojourn_output_backlog", "Records that wait to go to the output topics, at most 10,000", registry=one
        )
        self.published = Counter("sojourn_published", "Records that went to the output topics", registry=one)
