"""``sojourn run`` on SQLite: from HTTP intake to the committed decision, and touchpoints to a local gateway.

python -m benchmarks run_sqlite [--customers 2000] [--events 20000] [--touchpoints 3000]
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from benchmarks.engine import Running, running
from benchmarks.project import PROJECT
from benchmarks.synthetic.people import make_person
from benchmarks.world import SEED, write_world
from sojourn.rows import instant_text

BATCH: Final = 500
LEAST_EVENTS: Final = 2_000
LEAST_TOUCHPOINTS: Final = 500
_SENDERS: Final = 2
_LONGEST_S: Final = 300


def _batches(lines: list[bytes]) -> list[list[bytes]]:
    return [lines[at : at + BATCH] for at in range(0, len(lines), BATCH)]


def _post_all(engine: Running, batches: list[list[bytes]]) -> tuple[float, int]:
    """Post batches by two connections; give the seconds until the last was stored, and how many were accepted."""
    began = time.perf_counter()
    with ThreadPoolExecutor(_SENDERS) as pool:
        parts = [batches[n::_SENDERS] for n in range(_SENDERS)]
        accepted = sum(pool.map(lambda part: _post(engine.another(), part), parts))
    return time.perf_counter() - began, accepted


def _post(engine: Running, batches: list[list[bytes]]) -> int:
    return sum(engine.post(batch)["accepted"] for batch in batches)


def known(profile: dict[str, Any], now: int, *, mail: bool = True) -> bytes:
    """Give the event that makes a customer known."""
    customer = profile["customer_id"]
    fields = dict(profile)
    if not mail:  # who can be reached by SMS alone
        fields |= {"email": None, "mobile": fields["mobile"] or "+8613800000000", "do_not_contact": False}
    event = {
        "event_id": f"KNOWN-{customer}",
        "type": "customer.updated",
        "occurred_at": instant_text(now),
        "source": "CRM",
        "customer_id": customer,
        "entity": {"type": "customer", "id": customer, "seq": 1},
        "payload": {"changed": sorted(fields), "profile": fields},
    }
    return msgspec.json.encode(event) + b"\n"


def claim(number: int, customer: str, now: int) -> bytes:
    """Give the event of a claim that is acknowledged at once."""
    name = f"K-{number}"
    event = {
        "event_id": f"CLAIM-{number}",
        "type": "claim.filed",
        "occurred_at": instant_text(now),
        "source": "Claims",
        "customer_id": customer,
        "entity": {"type": "claim", "id": name, "seq": 1},
        "payload": {
            "claim_id": name, "claim_no": f"CN{number:08d}", "policy_id": "P-1", "claim_type": "medical",
            "claimed_cny": "900.00", "filed_via": "app", "docs_needed": ["invoice"],
        },
    }  # fmt: skip
    return msgspec.json.encode(event) + b"\n"


def intake(engine: Running, world: Path, events: int) -> float:
    """Give how many events a second are stored and decided, of the mix of the synthetic year."""
    with (world / "customers.ndjson").open("rb") as people:
        now = int(time.time() * 1000)
        lines = [known(msgspec.json.decode(raw), now) for raw in people]
    _post_all(engine, _batches(lines))
    with (world / "events.ndjson").open("rb") as file:
        chosen = list(islice(file, events))
    seconds, accepted = _post_all(engine, _batches(chosen))
    print(f"  {len(chosen)} events in batches of {BATCH}: {accepted} accepted in {seconds:.1f} s")
    return len(chosen) / seconds


def touchpoints(engine: Running, count: int) -> float:
    """Give how many SMS a second are decided, rendered, taken by the gateway and logged; each brings a call with it."""
    now = int(time.time() * 1000)
    profiles = [make_person(number, Random(f"{SEED}:{number}")).profile for number in range(count)]
    for profile in profiles:
        profile["customer_id"] = "T" + profile["customer_id"]
    _post_all(engine, _batches([known(profile, now, mail=False) for profile in profiles]))
    lines = [claim(n, profile["customer_id"], now) for n, profile in enumerate(profiles)]
    while engine.metric("sojourn_in_flight") > 0:  # of the benchmark before
        time.sleep(0.1)
    taken = 'sojourn_attempts_total{channel="sms",outcome="accepted"}'
    before, began = engine.metric(taken), time.perf_counter()
    _post_all(engine, _batches(lines))
    stored = time.perf_counter() - began
    while time.perf_counter() - began < _LONGEST_S:
        if engine.metric(taken) - before >= count and engine.metric("sojourn_in_flight") == 0:
            break
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    found = engine.rows(journey="claim_status", status="sent", channel="sms", since=instant_text(now))
    print(
        f"  {count} claims: stored after {stored:.1f} s, {found} SMS (and as many calls) logged after {seconds:.1f} s"
    )
    return found / seconds


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where one misses its least."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks run_sqlite", description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, default=PROJECT)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--touchpoints", type=int, default=3_000)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sojourn-run-") as name:
        folder = Path(name)
        write_world(folder / "world", range(given.customers), faults=False)
        with running(given.project, folder) as engine:
            events = intake(engine, folder / "world", given.events)
            sends = touchpoints(engine, given.touchpoints)
    print(f"intake: {events:.0f} events/s to the committed decision (at least {LEAST_EVENTS})")
    print(f"touchpoints: {sends:.0f} a second, rendered, taken and logged (at least {LEAST_TOUCHPOINTS})")
    return 0 if events >= LEAST_EVENTS and sends >= LEAST_TOUCHPOINTS else 1
