"""The engine against a second reading of the rules that shares no code with it, on mean random timelines."""

import json
import os
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from sojourn.core.book import Book
from sojourn.definitions.project import Project
from sojourn.definitions.publish import first_book
from sojourn.intake.decode import Refused, decode_customer, decode_recorded
from sojourn.rows import instant_of, row_json
from sojourn.simulate.world import World
from tests.oracle import cal, compare, gen, oracle
from tests.unit.rules.kit import reference

TIMELINES = int(os.environ.get("SOJOURN_TEST_TIMELINES", "400"))
BLOCKS = 8
Timeline = tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]


@cache
def book(journeys: frozenset[str]) -> Book:
    loaded: Project = reference()
    return first_book(
        replace(
            loaded,
            journeys={name: one for name, one in loaded.journeys.items() if name in journeys},
            supplied={name: one for name, one in loaded.supplied.items() if name in journeys},
        )
    )


def engine(events: list[dict[str, Any]], customers: list[dict[str, Any]], run: dict[str, Any]) -> list[dict[str, Any]]:
    """Decide a timeline with the engine; rows as they are written out."""
    rows: list[dict[str, Any]] = []
    catalogue = reference().catalogue
    world = World(book(frozenset(run["journeys"])), None, lambda row: rows.append(row_json(row)))
    until = instant_of(run["until"])
    arrivals = sorted((instant_of(e.get("arrives_at") or e["occurred_at"]), n) for n, e in enumerate(events))
    for customer in customers:
        known = decode_customer(customer, catalogue)
        assert not isinstance(known, Refused)
        world.know(known.customer, known.fields, arrivals[0][0])
    for arrival, n in arrivals:
        event = decode_recorded(json.dumps(events[n], ensure_ascii=False).encode(), catalogue)
        if arrival <= until and not isinstance(event, Refused):
            world.feed(event)
    world.run_through(until)
    return json.loads(json.dumps(rows))


def differences(seed: int) -> list[str]:
    events, customers, run = gen.generate(seed)
    wanted = oracle.simulate(events, customers, run["journeys"], cal.parse(run["until"]))[0]
    return compare.diff(wanted, engine(events, customers, run))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_both_readings_decide_the_same(block: int) -> None:
    found = {seed: diff for seed in range(block, TIMELINES, BLOCKS) if (diff := differences(seed))}
    assert not found, f"timelines that differ (A = second reading, B = engine): {found}"


def test_the_comparison_sees_a_planted_difference() -> None:
    """A comparison that cannot fail would be worth nothing: one row less, one reason changed."""
    events, customers, run = gen.generate(0)
    rows = oracle.simulate(events, customers, run["journeys"], cal.parse(run["until"]))[0]
    other = engine(events, customers, run)
    assert not compare.diff(rows, other)
    assert compare.diff(rows, other[1:])
