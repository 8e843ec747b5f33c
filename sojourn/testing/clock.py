"""A clock that stands still until somebody sets it; for tests and rehearsals."""


class VirtualClock:
    """Gives the instant (ms, UTC) that it was set to; call it as the engine calls the real one."""

    def __init__(self, now: int = 1_780_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def set(self, now: int) -> None:
        """Set the clock; it never goes back."""
        self.now = max(self.now, now)

    def tick(self, ms: int) -> int:
        """Go on by so many milliseconds and give the instant."""
        self.now += ms
        return self.now
