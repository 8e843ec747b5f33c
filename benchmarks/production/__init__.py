"""Production under load: broker, database and workers on one machine, in one run.

    python -m benchmarks production [--parts intake,workers,...]

Trust the ratios; the machine that measures is the one that is measured.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.production.growth import memory, stored, workers
from benchmarks.production.installation import Installation, installed
from benchmarks.production.intake import intake
from benchmarks.production.lanes import lanes, touchpoints
from benchmarks.production.sections import sections
from benchmarks.project import PROJECT

Part = Callable[[Installation, argparse.Namespace], Awaitable[bool]]
PARTS: Final[Mapping[str, Part]] = {
    "intake": lambda place, given: intake(place, given.customers, given.events, given.rounds),
    "sections": lambda place, given: sections(place, given.customers, given.events),
    "touchpoints": lambda place, given: touchpoints(place, given.touchpoints),
    "lanes": lambda place, given: lanes(place, given.bulk, given.rate, given.seconds),
    "workers": lambda place, given: workers(place, given.customers, given.events, given.workers),
    "stored": lambda place, given: stored(place, given.customers, given.events, given.few, given.many, given.rounds),
    "memory": lambda place, given: memory(place, given.memory_customers, given.memory_events),
}


def main(arguments: list[str]) -> int:
    """Measure the parts that are named and print; 1 where one misses its least."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks production", description=(__doc__ or "")[:70])
    parser.add_argument("--project", type=Path, default=PROJECT)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of these, with commas")
    parser.add_argument("--customers", type=int, default=20_000, help="of intake, workers and stored")
    parser.add_argument("--events", type=int, default=15_000, help="of each round of intake, workers and stored")
    parser.add_argument("--rounds", type=int, default=3, help="of intake and stored, behind a warm-up")
    parser.add_argument("--workers", type=int, default=3, help="at most so many side by side")
    parser.add_argument("--touchpoints", type=int, default=20_000)
    parser.add_argument("--bulk", type=int, default=100_000, help="timers of the burst and messages in lane bulk")
    parser.add_argument("--rate", type=int, default=200, help="events a second of the reaction")
    parser.add_argument("--seconds", type=int, default=30, help="of the reaction")
    parser.add_argument("--few", type=int, default=20_000, help="customers stored beside those of the load")
    parser.add_argument("--many", type=int, default=400_000)
    parser.add_argument("--memory-events", type=int, default=100_000)
    parser.add_argument("--memory-customers", type=int, default=20_000)
    given = parser.parse_args(arguments)
    results = [_measured(PARTS[name], given) for name in given.parts.split(",")]
    return 0 if all(results) else 1


def _measured(part: Part, given: argparse.Namespace) -> bool:
    """Run one part on servers of its own."""
    with tempfile.TemporaryDirectory(prefix="sojourn-load-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # where this runs as root PostgreSQL is another account, which must reach its folder
        with installed(folder, given.project) as place:
            return asyncio.run(_on(place, part, given))


async def _on(place: Installation, part: Part, given: argparse.Namespace) -> bool:
    await place.make_topics()
    return await part(place, given)
