"""Whether this process has watched long enough to say that a source is stalled.

Ten minutes without a movement mean nothing when nobody was there to move it: after a stop of all workers, a
database that was away, a host that stood still. Then the intake gets a minute to show that it reads.
"""

from typing import Final

WATCHED_MS: Final = 60_000
#: A longer time between two looks means that this process, or the database, stood still.
GAP_MS: Final = 30_000


class Watch:
    """``looked`` tells whether looks without a gap go back for a minute."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._last = 0

    def looked(self, now: int) -> bool:
        """Note a look at an instant (ms); False: wait and look again."""
        if self._since is None or not 0 <= now - self._last <= GAP_MS:
            self._since = now
        self._last = now
        return now - self._since >= WATCHED_MS
