"""``sojourn simulate`` over a synthetic year, the log written: events a second, and memory over the run.

python -m benchmarks simulate [--customers 20000] [--world build/world]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.project import PROJECT
from benchmarks.world import write_world

LEAST: Final = 4_000
FLAT: Final = 1.25  # so much more may the last tenth of the run need than the middle
UNTIL: Final = "2026-12-31T16:00:00Z"
LONGEST_S: Final = 1_800
_RATE: Final = re.compile(r"([0-9]+) events, .* ([0-9.]+) s, ([0-9]+) events/s")


class Ran(NamedTuple):
    """What a run said, and its memory (MiB), sampled evenly."""

    said: str
    rate: float
    memory: list[float]
    log: int


def run(project: Path, world: Path, log: Path) -> Ran:
    """Run the command and watch it."""
    command = [
        str(Path(sys.executable).parent / "sojourn"), "simulate", str(world / "events.ndjson"), "--until", UNTIL,
        "--customers", str(world / "customers.ndjson"), "--project", str(project), "--log", str(log),
    ]  # fmt: skip
    memory: list[float] = []
    began = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            while child.poll() is None and time.monotonic() - began < LONGEST_S:
                memory.append(_resident(child.pid))
                time.sleep(0.25)
        finally:
            if child.poll() is None:
                child.kill()
        said = child.stderr.read() if child.stderr else ""
    found = _RATE.search(said)
    if child.returncode != 0 or found is None:
        raise SystemExit(f"simulate ended with {child.returncode}:\n{said}")
    return Ran(said.strip().splitlines()[-1], float(found[3]), memory, log.stat().st_size)


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def growth(memory: list[float]) -> tuple[float, float]:
    """Give the median of the middle of the run and of its last tenth.

    Before the middle the window fills in which ids are known (90 days).
    """
    tenth, middle = max(1, len(memory) // 10), len(memory) // 2
    return median(memory[middle : middle + tenth]), median(memory[-tenth:])


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where speed or memory miss."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulate", description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, default=PROJECT)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--world", type=Path, help="a folder with a world that is written already")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sojourn-simulate-") as folder:
        world: Path = given.world or Path(folder)
        if given.world is None:
            write_world(world, range(given.customers))
        ran = run(given.project, world, Path(folder) / "log.ndjson")
    early, late = growth(ran.memory)
    print(f"  {ran.said}")
    print(f"  log {ran.log / 2**20:.0f} MiB; memory by tenths of the run, MiB: {_tenths(ran.memory)}")
    print(
        f"simulate: {ran.rate:.0f} events/s (at least {LEAST}); memory of the last tenth {late / early:.2f} times "
        f"that of the middle (at most {FLAT})"
    )
    return 0 if ran.rate >= LEAST and late <= FLAT * early else 1


def _tenths(memory: list[float]) -> str:
    tenth = max(1, len(memory) // 10)
    return " ".join(f"{median(memory[at : at + tenth]):.0f}" for at in range(0, len(memory), tenth))
