"""Which faults happen when: three tracks side by side, workers, servers and providers, all from the seed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.chaos.machine import Machine

Do = Callable[[Machine, Random, float], Awaitable[None]]
_DO: Final[dict[str, Do]] = {
    "worker joins": lambda machine, dice, seconds: machine.join(),
    "worker SIGTERM": lambda machine, dice, seconds: machine.leave(dice),
    "worker SIGKILL": lambda machine, dice, seconds: machine.kill(dice),
    "worker SIGSTOP": lambda machine, dice, seconds: machine.freeze(dice, seconds),
    "broker SIGKILL": lambda machine, dice, seconds: machine.kill_broker(seconds),
    "broker SIGSTOP": lambda machine, dice, seconds: machine.freeze_broker(seconds),
    "database SIGKILL": lambda machine, dice, seconds: machine.kill_database(seconds),
    "provider slow": lambda machine, dice, seconds: machine.mood("slow", seconds),
    "provider 429": lambda machine, dice, seconds: machine.mood("429", seconds),
    "provider 500": lambda machine, dice, seconds: machine.mood("500", seconds),
    "provider hangs up": lambda machine, dice, seconds: machine.mood("hang up", seconds),
}
KINDS: Final = tuple(_DO)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: not before this long after the begin (ms), what, and how long (s) where it lasts."""

    at: int
    kind: str
    seconds: float


Track = tuple[Fault, ...]


def make_tracks(seed: int, span_ms: int, *, rounds: int, freeze_s: float, mood_s: float) -> tuple[Track, ...]:
    """Spread each kind of fault ``rounds`` times over a span, in an order that the seed decides.

    In a single round the first trouble of workers is the kill, and of providers the answers that leave doubt: what
    follows from them takes a minute.
    """
    dice = Random(f"{seed} faults")
    workers = _several(["worker SIGKILL", "worker SIGTERM", "worker SIGSTOP", "worker joins"], rounds, dice)
    servers = _several(["database SIGKILL", "broker SIGKILL", "broker SIGSTOP"], rounds, dice)
    providers = _several(["provider 500", "provider hangs up", "provider 429", "provider slow"], rounds, dice)
    lasting = {"worker SIGSTOP": freeze_s, "broker SIGKILL": 1.0, "broker SIGSTOP": 6.0, "database SIGKILL": 1.0}
    return tuple(_track(kinds, lasting, mood_s, span_ms, dice) for kinds in (workers, servers, providers))


def _several(kinds: list[str], rounds: int, dice: Random) -> list[str]:
    chosen = list(kinds)
    for _ in range(rounds - 1):
        chosen += dice.sample(kinds, len(kinds))
    return chosen


def _track(kinds: list[str], lasting: dict[str, float], mood_s: float, span_ms: int, dice: Random) -> Track:
    apart = span_ms // (len(kinds) + 1)
    return tuple(
        Fault(apart * n + dice.randrange(apart // 2), kind, lasting.get(kind, mood_s))
        for n, kind in enumerate(kinds, 1)
    )


async def play(machine: Machine, tracks: tuple[Track, ...], begin: int, seed: int, tell: Callable[[str], None]) -> None:
    """Let all faults happen, each track one after the other; returns when the last one is over."""

    async def one(number: int, track: Track) -> None:
        dice = Random(f"{seed} track {number}")
        for fault in track:
            await asyncio.sleep(max(0.0, (begin + fault.at) / 1000 - time.time()))
            tell(f"{fault.kind}{f' for {fault.seconds:.0f} s' if fault.kind not in _AT_ONCE else ''}")
            await _DO[fault.kind](machine, dice, fault.seconds)
            machine.did[fault.kind] += 1
            if fault.kind.partition(" ")[0] != "provider":
                tell(f"  {fault.kind}: over")

    async with asyncio.TaskGroup() as group:
        for number, track in enumerate(tracks):
            group.create_task(one(number, track))


_AT_ONCE: Final = ("worker joins", "worker SIGTERM", "worker SIGKILL")
