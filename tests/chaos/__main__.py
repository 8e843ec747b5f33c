"""`python -m tests.chaos`: the long chaos run. `--seed N` repeats one, `--short` is the form of `make test`."""

import argparse
import asyncio
import logging
import secrets
import sys
from pathlib import Path

from tests.chaos.run import LONG, SHORT, chaos


def main(arguments: list[str]) -> int:
    """Run, print the figures and what is wrong, and how to repeat it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--keep", type=Path, default=None, help="a new folder in which logs and data stay")
    given = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers are killed on purpose
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    again = f".venv/bin/python -m tests.chaos --seed {seed}{' --short' if given.short else ''}"
    say(f"seed {seed}; repeat it with: {again}")
    outcome = asyncio.run(chaos(seed, SHORT if given.short else LONG, say, keep=given.keep))
    for name, count in sorted(outcome.figures.items()):
        say(f"{name:<45}{count:>12,}")
    for one in outcome.wrong[:50]:
        say(f"WRONG: {one}")
    say(f"{len(outcome.wrong)} things are wrong" if outcome.wrong else "all is well")
    say(f"repeat it with: {again}")
    return 1 if outcome.wrong else 0


def say(words: str) -> None:
    """Print at once."""
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
