"""How fast and how often: back-off, rate buckets and circuits. Values of time come in.

A dead gateway is probed with one message at a time, in growing distances, and not hammered: what waits stays
in the outbox, so nothing piles up in front of it when it comes back.
"""

from hashlib import sha256

FIRST_MS = 2_000
LONGEST_MS = 300_000
CALL_DELAYS_MS = (15_000, 60_000, 225_000, 600_000, 900_000)  # five more tries within 30 minutes (B2)
_OPENS_AFTER = 3
_PROBE_FIRST_MS = 1_000
_PROBE_LONGEST_MS = 30_000
_PAUSE_FIRST_MS = 1_000
_PAUSE_LONGEST_MS = 30_000
_RETRY_AFTER_LONGEST_MS = 3_600_000


def jitter(key: str, attempt: int) -> float:
    """Give a number in [0, 1) that is always the same for a message and attempt, and spread over messages."""
    return int.from_bytes(sha256(f"{key}:{attempt}".encode()).digest()[:4]) / 2**32


def backoff(key: str, attempt: int, retry_after_ms: int | None = None) -> int:
    """Give how long to wait after the attempt (counted from 1): doubling from 2 s to 5 min, spread by a quarter.

    A provider's Retry-After is obeyed, up to an hour, and never shortened.
    """
    base = min(LONGEST_MS, FIRST_MS << min(max(attempt, 1) - 1, 20))
    wait = round(base * (0.75 + 0.5 * jitter(key, attempt)))
    if retry_after_ms is None:
        return wait
    return max(wait, min(retry_after_ms, _RETRY_AFTER_LONGEST_MS) + round(1_000 * jitter(key, attempt)))


def call_delay(key: str, attempt: int) -> int | None:
    """Give how long to wait after a call's attempt, or None when it has been tried often enough (B2)."""
    if attempt > len(CALL_DELAYS_MS):
        return None
    return round(CALL_DELAYS_MS[attempt - 1] * (0.9 + 0.1 * jitter(key, attempt)))


class Bucket:
    """At most so many a second, with a burst of one second's worth (at least one)."""

    def __init__(self, per_second: float | None, now: int) -> None:
        self._rate = per_second
        self._level = max(1.0, per_second or 1.0)
        self._full = self._level
        self._at = now

    def free(self, now: int) -> int | None:
        """Give how many may go now; None: as many as there are."""
        if self._rate is None:
            return None
        self._level = min(self._full, self._level + max(0, now - self._at) * self._rate / 1000)
        self._at = max(self._at, now)
        return int(self._level)

    def take(self, count: int) -> None:
        """Note that so many went."""
        self._level -= count


class Circuit:
    """Whether a provider takes anything: closed lets all through, open lets one probe through from time to time."""

    def __init__(self) -> None:
        self._failures = 0
        self._probes = 0
        self._probe_at = 0
        self.code: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the provider is taken for dead."""
        return self._failures >= _OPENS_AFTER

    def free(self, now: int, slots: int, in_flight: int) -> int:
        """Give how many of the free slots may be used now."""
        if not self.is_open:
            return slots
        return 1 if now >= self._probe_at and in_flight == 0 and slots > 0 else 0

    def answered(self) -> None:
        """The provider took or refused something: it lives."""
        self._failures = self._probes = 0
        self.code = None

    def failed(self, now: int, code: str, retry_after_ms: int | None) -> None:
        """The provider could not be reached, threw us back, or did not answer."""
        self._failures += 1
        self.code = code
        if self.is_open and now >= self._probe_at:
            wait = min(_PROBE_LONGEST_MS, _PROBE_FIRST_MS << min(self._probes, 10))
            self._probes += 1
            self._probe_at = now + max(wait, min(retry_after_ms or 0, _PROBE_LONGEST_MS))


class Throttle:
    """How many sends a living provider gets side by side: halved when it wants fewer, then growing again.

    The width grows by one for each full width that was taken, so that the next throttling is far away.
    """

    def __init__(self, at_once: int) -> None:
        self._full = self._width = float(max(1, at_once))
        self._cut_at = -1
        self._strikes = 0
        self._until = 0

    def free(self, now: int, slots: int, flying: int) -> int:
        """Give how many of the free slots may be used now; none before the instant that the provider named."""
        return 0 if now < self._until else max(0, min(slots, int(self._width) - flying))

    def answered(self) -> None:
        """The provider took or refused something."""
        self._strikes = 0
        self._width = min(self._full, self._width + 1 / self._width)

    def throttled(self, now: int, started: int, retry_after_ms: int | None) -> None:
        """The provider wants fewer: pause for its Retry-After (1 s to 1 h), else for 1 s, doubling up to 30 s.

        Answers to sends that started before the last halving do not halve again: a burst counts once.
        """
        if started > self._cut_at:
            self._width = max(1.0, self._width / 2)
            self._cut_at = now
            self._strikes += 1
        wait = retry_after_ms
        if wait is None:
            wait = min(_PAUSE_LONGEST_MS, _PAUSE_FIRST_MS << min(max(self._strikes, 1) - 1, 10))
        wait = max(_PAUSE_FIRST_MS, min(wait, _RETRY_AFTER_LONGEST_MS))
        self._until = max(self._until, now + wait)
