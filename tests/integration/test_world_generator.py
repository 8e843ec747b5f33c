"""The synthetic year of the benchmarks: sizes as section C expects, the same customer the same year, real faults."""

from collections import Counter
from math import sqrt
from pathlib import Path

import msgspec
import pytest

from benchmarks.world import EXPECTED, World, write_world
from sojourn.definitions.catalogue import Catalogue, load_catalogue
from sojourn.intake.decode import Refused, decode_customer, decode_recorded
from sojourn.simulate import in_order, is_sorted, read_lines

ROOT = Path(__file__).parents[2]
CUSTOMERS = 2_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return write_world(tmp_path_factory.mktemp("world"), range(CUSTOMERS))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(ROOT)


@pytest.mark.parametrize("what", EXPECTED)
def test_it_has_the_expected_size(world: World, what: str) -> None:
    expected = EXPECTED[what] * CUSTOMERS / 100_000
    chance = 3 * sqrt(expected)  # a count so small may be off by chance alone
    assert abs(world.counts[what] - expected) <= 0.1 * expected + chance


def test_lines_are_in_order_of_arrival(world: World) -> None:
    assert is_sorted(world.events) == (True, world.counts["lines"])


def test_faults_are_there_and_everything_else_can_be_read(world: World, catalogue: Catalogue) -> None:
    reasons: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    unknown = 0
    with world.events.open("rb") as source:
        for line in read_lines(source):
            event = decode_recorded(line.raw, catalogue)
            if isinstance(event, Refused):
                reasons[event.reason] += 1
            else:
                seen[event.id] += 1
                unknown += event.customer.startswith("X")
    lines = world.counts["lines"]
    assert set(reasons) == {"bad_json", "unknown_type"}
    assert 0 < reasons["bad_json"] < lines * 0.0005
    assert lines * 0.003 < sum(1 for count in seen.values() if count == 2) < lines * 0.007
    assert 0 < unknown < lines * 0.001
    with world.customers.open("rb") as people:
        assert not any(isinstance(decode_customer(raw, catalogue), Refused) for raw in people)


def test_without_faults_every_line_is_an_event_of_its_own(tmp_path: Path, catalogue: Catalogue) -> None:
    clean = write_world(tmp_path / "clean", range(50), faults=False)
    with clean.events.open("rb") as source:
        events = [decode_recorded(line.raw, catalogue) for line in in_order(source, ordered=True)]
    ids = [event.id for event in events if not isinstance(event, Refused)]
    assert len(ids) == len(set(ids)) == clean.counts["lines"]


def test_a_customer_has_the_same_year_whatever_the_order_and_the_others(tmp_path: Path) -> None:
    one = write_world(tmp_path / "one", range(40))
    two = write_world(tmp_path / "two", reversed(range(40)))
    few = write_world(tmp_path / "few", [7])
    assert one.events.read_bytes() == two.events.read_bytes()
    mine = [line for line in one.events.read_bytes().splitlines() if b'"customer_id":"C0000007"' in line]
    assert mine == [line for line in few.events.read_bytes().splitlines() if b'"customer_id":"C0000007"' in line]


def test_another_seed_gives_another_year(tmp_path: Path) -> None:
    one, two = write_world(tmp_path / "one", [1]), write_world(tmp_path / "two", [1], seed=2)
    assert one.events.read_bytes() != two.events.read_bytes()


def test_events_of_an_entity_count_up_in_order_of_occurrence(tmp_path: Path) -> None:
    world = write_world(tmp_path, range(30), faults=False)
    seqs: dict[str, list[tuple[str, int]]] = {}
    for raw in world.events.read_bytes().splitlines():
        event = msgspec.json.decode(raw)
        place = f"{event['entity']['type']}|{event['entity']['id']}|{event['source']}"
        seqs.setdefault(place, []).append((event["occurred_at"], event["entity"]["seq"]))
    assert any(len(told) > 5 for told in seqs.values())
    for told in seqs.values():
        assert [seq for _, seq in sorted(told)] == list(range(1, len(told) + 1))
