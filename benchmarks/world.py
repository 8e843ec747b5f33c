"""The synthetic year of an insurer as two files: CUSTOMERS.ndjson and EVENTS.ndjson, in order of arrival.

The same customer has the same year whatever the number, order or parallelism of customers; memory does not grow
with their number, because lines are sorted day by day through temporary files.

    python -m benchmarks world --customers 20000 --out build/world
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import msgspec

from benchmarks.synthetic.lives import live
from benchmarks.synthetic.people import make_person
from benchmarks.synthetic.premiums import maturity, year_of_premiums
from benchmarks.synthetic.story import END, Story, Written
from sojourn.core.zones import DAY

SEED: Final = 20260101
HELD: Final = 48 * 1024 * 1024  # bytes of lines that are held in memory before they are written to the days' files
UNTIL: Final = END - 1

# What a year of 100,000 customers has (section C, "Expected size of the year").
EXPECTED: Final[dict[str, int]] = {
    "payment.due_scheduled": 583_200,
    "payment.received": 579_000,
    "payment.failed": 43_500,
    "activity.recorded": 2_060_000,
    "enquiry.made": 68_000,
    "silence.detected": 28_000,
    "policy.issued": 24_000,
    "claims": 64_000,
    "claim.filed": 15_300,
    "complaint.opened": 900,
    "policy.lapsed": 4_200,
    "churn upward": 23_000,
}


class World(NamedTuple):
    """The files of a year, and how many lines of each type they hold."""

    customers: Path
    events: Path
    counts: Counter[str]


def write_world(folder: Path, numbers: Iterable[int], *, seed: int = SEED, faults: bool = True) -> World:
    """Write the year of the given customers (by number) into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    people, events = folder / "customers.ndjson", folder / "events.ndjson"
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=folder, prefix="days-") as days, people.open("wb") as known:
        sorter = _Sorter(Path(days))
        for number in numbers:
            rng = Random(f"{seed}:{number}")
            person = make_person(number, rng)
            known.write(msgspec.json.encode(person.profile) + b"\n")
            story = Story(person.id, person.zone, rng)
            for policy in person.policies:
                year_of_premiums(story, policy, rng)
                if rng.random() < 0.02:
                    maturity(story, policy, rng)
            live(story, person, rng)
            for n, one in enumerate(story.lines(faults)):
                _count(counts, one)
                sorter.add(one, number, n)
        with events.open("wb") as out:
            sorter.write(out.write)
    return World(people, events, counts)


def _count(counts: Counter[str], one: Written) -> None:
    counts["lines"] += 1
    counts[one.type] += 1
    if one.type.startswith("claim."):
        counts["claims"] += 1
    if one.type == "churn.risk_scored" and one.line[one.line.find(b'"score":') :][:11] >= b'"score":0.7':
        counts["churn upward"] += 1


class _Sorter:
    """Keeps lines by day of arrival; within a day by arrival, customer and place in his year."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._days: dict[int, list[bytes]] = {}
        self._held = 0

    def add(self, one: Written, number: int, place: int) -> None:
        """Take a line."""
        self._days.setdefault(one.arrival // DAY, []).append(b"%014d%09d%06d" % (one.arrival, number, place) + one.line)
        self._held += len(one.line)
        if self._held > HELD:
            self._spill()

    def _spill(self) -> None:
        for day, lines in self._days.items():
            with (self._folder / str(day)).open("ab") as file:
                file.writelines(lines)
            lines.clear()
        self._held = 0

    def write(self, out: Callable[[bytes], object]) -> None:
        """Give all lines in order."""
        self._spill()
        for day in sorted(self._days):
            path = self._folder / str(day)
            lines = path.read_bytes().splitlines(keepends=True)
            path.unlink()
            lines.sort()
            out(b"".join([line[29:] for line in lines]))


def compare(counts: Counter[str], customers: int) -> list[tuple[str, int, float]]:
    """Give for each count of section C what there is, and how many there should be for so many customers."""
    return [(name, counts[name], expected * customers / 100_000) for name, expected in EXPECTED.items()]


def main(arguments: list[str]) -> int:
    """Write a world, and tell its size beside the expected one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks world", description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("build/world"))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--no-faults", action="store_true")
    given = parser.parse_args(arguments)
    began = time.perf_counter()
    world = write_world(given.out, range(given.customers), seed=given.seed, faults=not given.no_faults)
    seconds = time.perf_counter() - began
    for name, found, expected in compare(world.counts, given.customers):
        print(f"{name:24}{found:>10}  expected {expected:>10.0f}  {found / expected - 1:+7.1%}")
    print(f"{world.counts['lines']} lines of {given.customers} customers in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
