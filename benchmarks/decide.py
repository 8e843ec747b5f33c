"""One decision as a host pays for it: decode the event and the parts that it touches, decide, encode what changed.

The events are every n-th of a synthetic year, each with the customer as he really was then. One core, no store.

    python -m benchmarks decide [--customers 2000] [--samples 10000] [--rounds 5] [--profile]
"""

import argparse
import cProfile
import gc
import pstats
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.project import PROJECT, Loaded, load
from benchmarks.world import UNTIL, write_world
from sojourn.core.book import Book
from sojourn.core.decide import decide
from sojourn.core.drive import tomb_keys
from sojourn.core.due import due_after
from sojourn.core.model import FORMAT, Event, State, Tomb
from sojourn.definitions.catalogue import Catalogue
from sojourn.intake.decode import Refused, decode_customer, decode_recorded
from sojourn.simulate import World, in_order
from sojourn.store.codec import pack, unpack_part

GOAL: Final = 12_000
LEAST: Final = 7_000


class Sample(NamedTuple):
    """An event as bytes, and the customer that it met, as a store keeps him."""

    raw: bytes
    customer: str
    hot: bytes
    profile: bytes
    memory: bytes
    runs: tuple[tuple[str, bytes], ...]
    tombs: dict[tuple[str, str], Tomb]
    due: int | None


class Size(NamedTuple):
    """How much an answer wrote."""

    parts: int
    octets: int
    commands: int


def take_samples(loaded: Loaded, folder: Path, customers: int, wanted: int) -> list[Sample]:
    """Live through a year and keep what every n-th event met."""
    files = write_world(folder, range(customers))
    world = World(loaded.book, None, lambda _: None)
    every = max(1, files.counts["lines"] // wanted)
    samples: list[Sample] = []
    with files.customers.open("rb") as people:
        first = True
        with files.events.open("rb") as events:
            for line in in_order(events, ordered=True):
                if line.arrival is None or line.arrival > UNTIL:
                    continue
                if first:
                    _know(world, people, loaded.catalogue, line.arrival)
                    first = False
                event = decode_recorded(line.raw, loaded.catalogue)
                if isinstance(event, Refused):
                    continue
                if line.number % every == 0:
                    world.run_before(event.arrival)
                    samples.append(_sample(world, line.raw, event))
                world.feed(event)
    return samples


def _know(world: World, people: Any, catalogue: Catalogue, at: int) -> None:
    for raw in people:
        known = decode_customer(raw, catalogue)
        if not isinstance(known, Refused):
            world.know(known.customer, known.fields, at)


def _sample(world: World, raw: bytes, event: Event) -> Sample:
    state = world.states.get(event.customer, State(event.customer))
    return Sample(
        raw=raw,
        customer=state.customer,
        hot=pack(state.hot),
        profile=pack(state.profile),
        memory=pack(state.memory),
        runs=tuple((name, pack(run)) for name, run in state.runs.items()),
        tombs=dict(state.tombs),
        due=world.due_of(event.customer),
    )


def answer(book: Book, catalogue: Catalogue, sample: Sample) -> Size:
    """Do all that is timed for one event."""
    event = decode_recorded(sample.raw, catalogue)
    assert isinstance(event, Event)
    asked = {key: sample.tombs[key] for key in tomb_keys(book, event) if key in sample.tombs}
    before = State(
        sample.customer,
        unpack_part("hot", FORMAT, sample.hot),
        unpack_part("profile", FORMAT, sample.profile),
        unpack_part("memory", FORMAT, sample.memory),
        {name: unpack_part("run", FORMAT, body) for name, body in sample.runs},
        asked,
    )
    decision = decide(book, before, event, event.arrival)
    after = decision.state
    due_after(book, before, after, sample.due, event.arrival)
    return _encode(before, after, len(decision.commands))


def _encode(before: State, after: State, commands: int) -> Size:
    if after is before:
        return Size(0, 0, commands)
    bodies = [pack(after.hot)]
    if after.profile is not before.profile:
        bodies.append(pack(after.profile))
    if after.memory is not before.memory:
        bodies.append(pack(after.memory))
    bodies += [pack(run) for name, run in after.runs.items() if before.runs.get(name) is not run]
    return Size(len(bodies), sum(map(len, bodies)), commands)


def run_round(loaded: Loaded, samples: list[Sample]) -> float:
    """Answer every sample once and give the seconds."""
    book, catalogue = loaded.book, loaded.catalogue
    began = time.perf_counter()
    for sample in samples:
        answer(book, catalogue, sample)
    return time.perf_counter() - began


def by_type(loaded: Loaded, samples: list[Sample]) -> list[tuple[str, int, float]]:
    """Give for each event type how many samples there are, and the microseconds of one."""
    spent: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for sample in samples:
        event = decode_recorded(sample.raw, loaded.catalogue)
        assert isinstance(event, Event)
        began = time.perf_counter_ns()
        answer(loaded.book, loaded.catalogue, sample)
        spent[event.type] += time.perf_counter_ns() - began
        count[event.type] += 1
    return [(name, number, spent[name] / number / 1000) for name, number in count.most_common()]


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where the least is not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks decide", description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, default=PROJECT)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args(arguments)
    loaded = load(given.project)
    with tempfile.TemporaryDirectory(prefix="sojourn-decide-") as folder:
        samples = take_samples(loaded, Path(folder), given.customers, given.samples)
    gc.collect()
    gc.freeze()
    if given.profile:
        profiler = cProfile.Profile()
        profiler.runcall(run_round, loaded, samples)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
        return 0
    run_round(loaded, samples)
    rates = sorted(len(samples) / run_round(loaded, samples) for _ in range(given.rounds))
    for name, number, cost in by_type(loaded, samples)[:12]:
        print(f"  {name:26}{number:>6} events {cost:>7.0f} us each")
    rate = median(rates)
    print(
        f"decide: {rate:.0f} events/s (median of {len(rates)} rounds, {rates[0]:.0f} to {rates[-1]:.0f}; "
        f"{len(samples)} events; goal {GOAL}, at least {LEAST})"
    )
    return 0 if rate >= LEAST else 1
