"""Let worlds live: `python -m tests.worlds SEED` repeats one with a trace, `--count N [--first SEED]` runs many."""

import argparse
import sys
import time

from tests.worlds.broken import store_of
from tests.worlds.oracle import faults
from tests.worlds.shared import SharedTx
from tests.worlds.world import lived


def again(seed: int) -> str:
    """Give the one command that repeats a seed."""
    return f".venv/bin/python -m tests.worlds {seed}"


def wrong(seed: int, kind: type[SharedTx] = SharedTx) -> list[str]:
    """Let a world live and give what is wrong with it; a world that breaks off says why."""
    try:
        return faults(lived(seed, make_store=store_of(kind)))
    except Exception as error:
        return [f"the world broke off: {error!r}"]


def one(seed: int) -> int:
    """Tell all that happens in one world."""
    world = lived(seed, tell=print)
    for row in world.rows():
        print(row.decided_at, row.customer_id, row.message_id[:6], row.channel, row.status, row.reason or "", sep="  ")
    found = faults(world)
    print(*(found or ["all is well"]), sep="\n")
    return 1 if found else 0


def many(first: int, count: int) -> int:
    """Run worlds one after the other; tell of each that is wrong how to repeat it."""
    began, bad = time.perf_counter(), 0
    for seed in range(first, first + count):
        found = wrong(seed)
        if found:
            bad += 1
            print(f"seed {seed}: {found[0][:300]}\n  {again(seed)}", flush=True)
    print(f"{count} worlds in {time.perf_counter() - began:.0f} s, {bad} wrong")
    return 1 if bad else 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=1)
    given = parser.parse_args()
    return one(given.seed) if given.seed is not None else many(given.first, given.count)


if __name__ == "__main__":
    sys.exit(main())
