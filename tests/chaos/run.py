"""One chaos run from its seed: start, publish, let faults happen, wait until all is drained, judge."""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from sojourn.definitions.catalogue import Catalogue, load_catalogue
from sojourn.definitions.project import load_project
from tests.chaos import judge
from tests.chaos.evidence import Evidence, ends, gather, put_off
from tests.chaos.faults import make_tracks, play
from tests.chaos.likeness import Likeness, compare, simulate
from tests.chaos.machine import Machine
from tests.chaos.plan import Plan, make_plan
from tests.chaos.project import When, make_project
from tests.chaos.providers import Providers
from tests.chaos.publishing import publish

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is."""

    events: int
    span_s: int
    workers: int
    rounds: int  # how often each kind of fault happens
    freeze_s: float
    mood_s: float
    drain_s: float
    rate: float = 0.05  # of the transactions fail


SHORT: Final = Size(events=3_000, span_s=50, workers=2, rounds=1, freeze_s=4.0, mood_s=3.0, drain_s=150)
LONG: Final = Size(events=50_000, span_s=420, workers=3, rounds=3, freeze_s=20.0, mood_s=8.0, drain_s=600)
_STARTUP_MS: Final = 25_000
_NEAR_MS: Final = 15_000  # longer than any wait of the journey that counts in seconds: one may begin with the last call
_SOON_MS: Final = 600_000  # what is put off by a provider or for a doubt comes within that time, days do not


@dataclass
class Outcome:
    """What came of a run."""

    wrong: list[str]
    figures: Counter[str]


async def chaos(seed: int, size: Size, tell: Tell, *, keep: Path | None = None) -> Outcome:
    """Let a run happen and judge it. ``keep``: a folder, which must not exist, where logs stay."""
    folder = keep or Path(tempfile.mkdtemp(prefix="sojourn-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    machine: Machine | None = None
    try:
        when = When.around(_now() + _STARTUP_MS, size.span_s * 500)
        project = make_project(folder / "project", when)
        catalogue = load_catalogue(project)
        plan = make_plan(seed, size.events, size.span_s * 1000, when, catalogue)
        answers = {name: call.example for name, call in load_project(project).calls.items()}
        async with Providers(Random(f"{seed} moods"), answers) as providers:
            machine = Machine(folder, project, providers, seed, size.rate, tell)
            found = await _lived(machine, plan, when, catalogue, size, seed, tell)
            tell("comparing with sojourn simulate ...")
            rows = await asyncio.to_thread(simulate, found, project, folder)
            like = compare(found, rows)
            figures: Counter[str] = Counter()
            wrong = [*machine.wrong, *judge.faults(found, like, figures)]
            _count(figures, machine, like, found, began)
            return Outcome(wrong, figures)
    finally:
        if machine is not None:
            await asyncio.to_thread(machine.stop)
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _lived(
    machine: Machine, plan: Plan, when: When, catalogue: Catalogue, size: Size, seed: int, tell: Tell
) -> Evidence:
    tell(f"starting broker, database and {size.workers} workers ...")
    await machine.start()
    await asyncio.gather(*(machine.join() for _ in range(size.workers)))
    topics = sorted(catalogue.topics)
    await publish(machine.broker.bootstrap, plan.known, _now())
    await _drained(machine, topics, len(plan.known), 60, tell)
    begin = max(when.begin, _now())
    tell(f"publishing {len(plan.records)} records in {size.span_s} s")
    tracks = make_tracks(seed, size.span_s * 1000, rounds=size.rounds, freeze_s=size.freeze_s, mood_s=size.mood_s)

    def timed(said: str) -> None:
        tell(f"{(_now() - begin) / 1000:7.1f} s  {said}")

    await asyncio.gather(
        publish(machine.broker.bootstrap, plan.records, begin), play(machine, tracks, begin, seed, timed)
    )
    machine.calm()
    timed("all is published, all faults are over")
    until = await _drained(machine, topics, len(plan.events), size.drain_s, timed)
    timed("drained")
    await machine.end_all()
    return await gather(machine, plan, topics, until, (until - begin) / 1000)


async def _drained(machine: Machine, topics: list[str], events: int, seconds: float, tell: Tell) -> int:
    """Wait until everything is read, decided, handed over and told; give when that was so."""
    end = time.monotonic() + seconds
    upto = await ends(machine.broker.bootstrap, topics)
    quiet, now, shown = 0, _now(), time.monotonic()
    while quiet < 2:
        now = _now()
        left = await _left(machine, upto, events, now)
        quiet = 0 if left else quiet + 1
        if left and time.monotonic() > end:
            raise AssertionError(f"not drained within {seconds:.0f} s: {left}; kept in {machine.folder}")
        if left and time.monotonic() > shown + 10:
            shown = time.monotonic()
            tell(f"  still {left}")
        await asyncio.sleep(0.5)
    return now


async def _left(machine: Machine, upto: dict[str, int], events: int, now: int) -> str:
    positions = {source: int(at) for source, at in await machine.query("SELECT source, next FROM position")}
    unread = sum(max(0, end - positions.get(source, 0)) for source, end in upto.items())
    sums = await machine.query(
        "SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM outbox), (SELECT count(*) FROM outgoing),"
        f" (SELECT count(*) FROM due WHERE due <= {now + _NEAR_MS})"
    )
    inbox, orders, outgoing, due = (int(one) for one in sums[0])
    left = {"records unread": unread, "events unread": events - inbox, "orders": orders, "out": outgoing, "due": due}
    if not any(left.values()):
        left["messages put off"] = await put_off(machine, now + _SOON_MS)
    return ", ".join(f"{count} {what}" for what, count in left.items() if count)


def _count(figures: Counter[str], machine: Machine, like: Likeness, found: Evidence, began: float) -> None:
    figures["messages as in simulate"] = like.same
    for why, count in like.excused.items():
        figures[f"messages {why}"] = count
    for kind, count in machine.did.items():
        figures[f"fault: {kind}"] = count
    figures["seconds from first event to drained"] = round(found.seconds)
    figures["seconds in all"] = round(time.monotonic() - began)


def _now() -> int:
    return time.time_ns() // 1_000_000
