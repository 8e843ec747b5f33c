"""The fourteen timelines of ../shared/spec/examples come out exactly, compared as their README says."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sojourn.rows import instant_of, row_json
from sojourn.simulate import Replay, in_order, is_sorted

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT.parent / "shared" / "spec" / "examples"
NAMES = [f"{n:02d}" for n in range(1, 15)]


def replay(folder: Path) -> list[dict[str, Any]]:
    run = json.loads((folder / "run.json").read_text())
    rows: list[dict[str, Any]] = []
    play = Replay(ROOT, lambda row: rows.append(row_json(row)), frozenset(run["journeys"]))
    ordered, _ = is_sorted(folder / "events.ndjson")
    with (folder / "events.ndjson").open("rb") as events, (folder / "customers.ndjson").open("rb") as customers:
        play.run(in_order(events, ordered=ordered), customers, instant_of(run["until"]))
    assert play.dead_count == 0
    return rows


def compared(row: dict[str, Any]) -> tuple[Any, ...]:
    """Give what counts of a row; the step ids of calls are not binding."""
    key = json.dumps(row["key"], sort_keys=True)
    step = None if row["channel"] == "call" else row["step"]
    who = (row["status"], row["customer_id"], row["journey"], key, step, row["channel"])
    return (*who, row["template"], row["handed_over_at"]) if row["status"] == "sent" else (*who, row["reason"])


@pytest.mark.parametrize("name", NAMES)
def test_the_timeline_comes_out_exactly(name: str) -> None:
    wanted = [json.loads(line) for line in (EXAMPLES / name / "expected.ndjson").read_text().splitlines()]
    got = [row for row in replay(EXAMPLES / name) if row["status"] in ("sent", "suppressed", "skipped")]
    assert Counter(map(compared, got)) == Counter(map(compared, wanted))


@pytest.mark.parametrize("name", NAMES)
def test_instants_of_decisions_agree(name: str) -> None:
    """Due and decided instants of rows that were not sent are in the answers, too: they must be ours."""
    wanted = [json.loads(line) for line in (EXAMPLES / name / "expected.ndjson").read_text().splitlines()]
    ours = {(compared(r), r["due_at"], r["decided_at"]) for r in replay(EXAMPLES / name)}
    for row in wanted:
        if row["status"] != "sent":
            assert (compared(row), row["due_at"], row["decided_at"]) in ours, row
