"""Odd lines of a replay: garbage, years that no clock has, publications that cannot be read (N7, Q45, Q48)."""

from pathlib import Path

import msgspec
import pytest

from sojourn.cli.simulate import simulate
from sojourn.errors import ConfigurationError
from sojourn.simulate.lines import Line, publications_first, read_line
from sojourn.simulate.replay import PUBLISH, Replay

ROOT = Path(__file__).parents[2]
NOON = "2026-03-01T12:00:00Z"
UNTIL = 1_775_000_000_000  # 2026-03-31


def line(number: int, **values: object) -> Line:
    return read_line(number, msgspec.json.encode(values))


def replay(*lines: Line) -> Replay:
    """Replay lines over the reference insurer, for a customer who has a birthday each year."""
    made = Replay(ROOT, lambda row: rows.append(row.status), frozenset({"birthday_care"}))
    rows: list[str] = []
    made.run(lines, [msgspec.json.encode({"customer_id": "C1", "birth_date": "1980-03-12"})], UNTIL)
    assert len(rows) <= 1, "the clock began in another age"
    return made


def test_garbage_between_lines_of_one_instant_does_not_put_an_event_before_the_publication() -> None:
    event = line(1, type="activity.recorded", arrives_at=NOON)
    garbage = read_line(2, b"no JSON")
    publication = line(3, type=PUBLISH, arrives_at=NOON)
    later = line(4, type=PUBLISH, arrives_at="2026-03-02T12:00:00Z")
    order = [one.number for one in publications_first([event, garbage, publication, later], PUBLISH)]
    assert order.index(3) < order.index(1) < order.index(4)
    assert sorted(order) == [1, 2, 3, 4]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_a_year_that_no_clock_has_is_a_dead_letter_and_does_not_start_the_clock(time: str) -> None:
    odd = line(1, event_id="e1", type="activity.recorded", occurred_at=time, customer_id="C1", source="App", payload={})
    made = replay(odd, line(2, type="nothing.known", arrives_at=NOON))
    assert [letter.number for letter in made.dead] == [1, 2]
    assert made.dead[0].reason == "bad_time"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"no JSON", "bad_json", id="not JSON"),
        pytest.param(b"[1]", "wrong_type", id="a list"),
        pytest.param(b'{"type": "sojourn.publish", "payload": {"project": "."}}', "bad_time", id="publication"),
    ],
)
def test_a_line_without_an_arrival_says_what_is_wrong_with_it(raw: bytes, reason: str) -> None:
    assert [letter.reason for letter in replay(read_line(1, raw)).dead] == [reason]


@pytest.mark.parametrize("folder", ["\0", 5, "no/such/folder", None])
def test_a_publication_that_cannot_be_read_is_a_dead_letter(folder: object) -> None:
    made = replay(line(1, type=PUBLISH, arrives_at=NOON, payload={"project": folder}))
    assert [letter.reason for letter in made.dead] == ["bad_publication"]


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59Z", "1901-01-01T00:00:00Z"])
def test_until_a_year_that_no_clock_has_is_refused(until: str) -> None:
    with pytest.raises(ConfigurationError, match="1970 to 2100"):
        simulate("-", until, project=ROOT)
