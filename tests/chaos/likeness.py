"""The same events through `sojourn simulate`: each message must have the same end, or a proven reason why not.

Four things differ between a virtual clock and real processes, and nothing else may:

- **overtaken**: simulate hands over at the instant of the verdict, production a moment later, in an outage many
  seconds. An event of the customer that arrives in between may end or change what was on its way.
- **crossed**: events of a customer lie in several topics; when their partitions are with different workers for a
  moment, they meet him in another order than they arrived.
- **close**: a timer waits until every source is known to be stored beyond it; an event that arrives within these
  four seconds comes first, and what the timer would have brought does not come.
- **held**: marketing and care are not handed over while the intake is more than 30 s behind.

Each difference must belong to a customer of whom the evidence shows one of these at that time.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from sojourn.core.model import Row
from sojourn.rows import instant_of, instant_text, row_json
from tests.chaos.evidence import Evidence

_SAME = ("journey", "step", "template", "template_version", "locale", "channel", "event_id")
CLOSE_MS = 4_000  # the margin of two seconds, a look every quarter, at most one and a half for its answers
CAPPED = ("silence_reactivation", "churn_win_back", "need_alert", "onboarding_free_look")  # they share slots


@dataclass
class Likeness:
    """What differs, explained or not."""

    wrong: list[str] = field(default_factory=list)
    same: int = 0
    excused: Counter[str] = field(default_factory=Counter)


def simulate(found: Evidence, project: Path, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Run `sojourn simulate` on the events with the arrivals that the store has kept; give its rows by message."""
    events, log = folder / "events.ndjson", folder / "simulated.ndjson"
    raws = found.plan.events
    with events.open("w", encoding="utf-8") as out:
        for entry in sorted(found.inbox, key=lambda one: (one.arrival, one.seq)):
            event = json.loads(raws[entry.id].raw) | {"arrives_at": instant_text(entry.arrival)}
            out.write(json.dumps(event, ensure_ascii=False) + "\n")
    entry_point = "from sojourn.cli.app import main; main()"
    words = ["simulate", str(events), "--until", instant_text(found.until), "--project", str(project)]
    subprocess.run([sys.executable, "-c", entry_point, *words, "--log", str(log)], check=True, capture_output=True)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            rows[row["message_id"]].append(row)
    return rows


def compare(found: Evidence, simulated: dict[str, list[dict[str, Any]]]) -> Likeness:
    """Compare the end of every message."""
    like = Likeness()
    produced: dict[str, list[Row]] = defaultdict(list)
    for row in found.rows:
        produced[row.message_id].append(row)
    reasons = _Reasons(found, produced, simulated)
    for name in sorted(simulated.keys() | produced.keys()):
        theirs, ours = simulated.get(name, []), produced.get(name, [])
        if theirs and ours and _alike(theirs[-1], ours):
            like.same += 1
            continue
        customer = ours[-1].customer_id if ours else theirs[-1]["customer_id"]
        why = reasons.of(customer, ours, theirs)
        if why is None:
            like.wrong.append(f"{customer} {name}: simulate {_shown(theirs)}, production {_told(ours)}")
        else:
            like.excused[why] += 1
    return like


def _alike(theirs: dict[str, Any], rows: list[Row]) -> bool:
    ours = rows[-1]
    doubted = any(row.status == "in_doubt" for row in rows)  # also one that was not repeated after its doubt
    status, reason = ("sent", None) if doubted else (ours.status, ours.reason)
    if (theirs["status"], theirs["reason"]) != (status, reason):
        return False
    return all(theirs[name] == getattr(ours, name) for name in _SAME)


class _Reasons:
    """Why a customer's messages may differ."""

    def __init__(
        self, found: Evidence, produced: dict[str, list[Row]], simulated: dict[str, list[dict[str, Any]]]
    ) -> None:
        self._arrivals: dict[str, list[int]] = defaultdict(list)  # of each customer, in applied order
        events = found.plan.events
        for entry in found.inbox:
            self._arrivals[events[entry.id].customer].append(entry.arrival)
        self._waits: dict[str, list[_Wait]] = defaultdict(list)
        self._held: set[str] = set()
        self._missing: dict[tuple[str, str], list[int]] = defaultdict(list)  # when simulate has what production has not
        for name in simulated.keys() - produced.keys():
            first = simulated[name][0]
            run = _run(first["journey"], first["key"])
            self._missing[first["customer_id"], run].append(instant_of(first["decided_at"]))
        for name, rows in produced.items():
            customer = rows[0].customer_id
            if any(row.reason == "intake_behind" for row in rows):
                self._held.add(customer)
            for theirs in simulated.get(name, ())[-1:]:
                begin = instant_of(theirs["decided_at"])
                self._waits[customer].append(_Wait(_run(theirs["journey"], theirs["key"]), begin, rows[-1]))

    def of(self, customer: str, ours: list[Row], theirs: list[dict[str, Any]]) -> str | None:
        """Give the reason that the evidence shows, or None."""
        arrivals = self._arrivals[customer]
        if any(later < earlier for earlier, later in pairwise(arrivals)):
            return "crossed"
        if theirs and not ours and self._is_close(customer, theirs[-1]):
            return "close"
        if ours and _went_out(ours) and theirs[-1:] and theirs[-1]["journey"] not in CAPPED:
            return None  # nothing makes a message go out that simulate does not send, but for a slot that is free
        if any(begin < arrival <= end for begin, end in self._ways(customer, ours, theirs) for arrival in arrivals):
            return "overtaken"
        return "held" if customer in self._held else None

    def _ways(self, customer: str, ours: list[Row], theirs: list[dict[str, Any]]) -> Iterator[tuple[int, int]]:
        """Give from when to when messages were on their way of which this one may be a consequence.

        It follows from itself; one that production has not, from others of its run, for which the run waited; one
        that shares slots with others, from any of its customer.
        """
        row = theirs[-1] if theirs else row_json(ours[-1])
        upto = max([one.decided_at for one in ours] + [instant_of(one["decided_at"]) for one in theirs])
        run = _run(row["journey"], row["key"])
        for wait in self._waits[customer]:
            itself = wait.last.message_id == row["message_id"]
            related = wait.run == run and not ours
            if itself or ((related or row["journey"] in CAPPED) and wait.begin <= upto):
                yield wait.begin, wait.last.decided_at

    def _is_close(self, customer: str, row: dict[str, Any]) -> bool:
        """Whether a timer made the message, or one before it in its run, and an event of the customer came right then.

        Neither that message nor this one is in production: the event came before the timer.
        """
        arrivals, at = self._arrivals[customer], instant_of(row["decided_at"])
        missing = self._missing[customer, _run(row["journey"], row["key"])]
        return any(
            due <= at and due not in arrivals and any(due < arrival <= due + CLOSE_MS for arrival in arrivals)
            for due in missing
        )


class _Wait(NamedTuple):
    """A message of a run on its way: from the verdict, which simulate hands over at once, to its end in production."""

    run: str
    begin: int
    last: Row


def _went_out(rows: list[Row]) -> bool:
    return any(row.status in ("sent", "in_doubt") for row in rows)


def _run(journey: str, key: Any) -> str:
    return f"{journey} {json.dumps(key, sort_keys=True)}"


def _shown(rows: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{row['journey']}.{row['step']} {row['status']} {row['reason']} {row['decided_at'][11:]}" for row in rows
    )


def _told(rows: list[Row]) -> str:
    return "; ".join(
        f"{row.journey}.{row.step} {row.status} {row.reason} {instant_text(row.decided_at)[11:]}" for row in rows
    )
