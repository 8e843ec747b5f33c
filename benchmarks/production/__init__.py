"""Production under load: broker, database and workers on one machine, in one run.

    python -m benchmarks production [--parts intake,workers,...]

Trust the ratios; the machine that measures is the one that is measured.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

from benchmarks.production.installation import installed
from benchmarks.production.intake import intake
from benchmarks.project import PROJECT


def main(arguments: list[str]) -> int:
    """Measure the parts that are named and print; 1 where one misses its least."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks production", description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, default=PROJECT)
    parser.add_argument("--parts", default="intake")
    parser.add_argument("--customers", type=int, default=4_000)
    parser.add_argument("--events", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sojourn-load-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # where this runs as root PostgreSQL is another account, which must reach its folder
        with installed(folder, given.project) as place:
            good = asyncio.run(intake(place, given.customers, given.events, given.rounds))
    return 0 if good else 1
