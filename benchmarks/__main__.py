"""``python -m benchmarks [NAME ...]``: one benchmark with its options, or a short form of all."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

# The short form: small enough for a coffee break, large enough to see a loss of speed.
SHORT: Final[Mapping[str, tuple[str, ...]]] = {
    "world": ("--customers", "2000"),
    "simulate": ("--customers", "2000"),
    "run_sqlite": ("--customers", "1000", "--events", "5000", "--touchpoints", "1500"),
    "stored": ("--many", "20000", "--pairs", "6"),
    "production": ("--parts", "intake", "--customers", "1000", "--events", "10000", "--rounds", "2"),
    "decide": ("--customers", "1000", "--samples", "5000"),
}


def main(arguments: list[str]) -> int:
    """Run what is named; without a name run all, and give 1 where one missed its least."""
    if arguments:
        if arguments[0] not in SHORT:
            print(f"{arguments[0]} is no benchmark; there are: {', '.join(SHORT)}", file=sys.stderr)
            return 2
        return _of(arguments[0])(arguments[1:])
    results = [_of(name)(list(options)) for name, options in SHORT.items()]
    return max(results)


def _of(name: str) -> Callable[[list[str]], int]:
    main: Callable[[list[str]], int] = import_module(f"benchmarks.{name}").main
    return main


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
