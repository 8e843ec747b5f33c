"""Q11: a pattern counts by occurred_at in an exact window, both ends included, judged at each arrival."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, small

PATTERN = small(
    "thrice",
    f"flow: [{{id: a, {MAIL}}}]",
    when="{times: 3, of: enquiry.made, within: 7 days, by: product_line, and_no: policy.issued}",
    key="[product_line]",
    again="after exit",
    facts="{}",
    expire="",
)
SEVEN = "2026-03-08 10:00"  # 7 days after the first of March, 10:00


def asked(*events: tuple[str, dict[str, Any]], zone: str = "Asia/Shanghai") -> list[str | None]:
    """Give when runs start; each event is (arrival, more); `kind` names another type."""
    p = Play(project(PATTERN), zone=zone)
    for when, more in events:
        said = {"product_line": "life"} | more
        p.event(when, said.pop("kind", "enquiry.made"), **said)
    p.until("2026-06-01 00:00")
    return [when for when, _, _ in p.sent]


ONE, TWO = ("2026-03-01 10:00", {}), ("2026-03-02 10:00", {})
ISSUED = {"kind": "policy.issued"}


@pytest.mark.parametrize(
    ("events", "starts"),
    [
        pytest.param([ONE, TWO], [], id="two"),
        pytest.param([ONE, TWO, (SEVEN, {})], [SEVEN], id="exactly 7 days: in"),
        pytest.param([ONE, TWO, (f"{SEVEN}:00.001", {})], [], id="1 ms more: out"),
        pytest.param([ONE, ONE, ONE], [ONE[0]], id="all at once"),
        pytest.param([ONE, TWO, (TWO[0], {"product_line": "motor"})], [], id="another line"),
        pytest.param(
            [("2026-03-05 10:00", {"occurred": "2026-03-01 10:00"}), ("2026-03-06 10:00", {}), (SEVEN, {})],
            [SEVEN],
            id="what occurred counts, just in",
        ),
        pytest.param(
            [("2026-03-05 10:00", {"occurred": "2026-03-01 09:59:59.999"}), ("2026-03-06 10:00", {}), (SEVEN, {})],
            [],
            id="what occurred counts, just out",
        ),
        pytest.param(
            [ONE, ("2026-03-08 11:00", {}), ("2026-03-08 12:00", {"occurred": SEVEN})],
            [],
            id="a late one: only the window that ends with it, and one lies after it",
        ),
        pytest.param(
            [ONE, ("2026-03-07 10:00", {}), ("2026-03-09 12:00", {"occurred": SEVEN})],
            ["2026-03-09 12:00"],
            id="a late one fills its own window",
        ),
        pytest.param(
            [ONE, TWO, ("2026-03-08 10:00", {"occurred": "2026-03-30 10:00"})],
            [SEVEN],
            id="the future is read as the arrival",
        ),
        pytest.param(
            [
                ("2026-03-01 10:00", {"occurred": "2026-03-30 10:00"}),
                ("2026-03-29 10:00", {}),
                ("2026-03-30 10:00", {}),
            ],
            [],
            id="and stays there",
        ),
    ],
)
def test_the_window(events: list[tuple[str, dict[str, Any]]], starts: list[str]) -> None:
    assert asked(*events) == starts


@pytest.mark.parametrize(
    ("seqs", "starts"),
    [
        ([("A", 1), ("A", 2), ("A", 3)], 1),
        ([("A", 3), ("A", 2), ("A", 1)], 1),
        ([("A", 1), ("A", 1), ("A", 2)], 0),
        ([("A", 1), ("B", 1), ("A", 2)], 1),
        ([("A", 1), ("A", 1), ("A", 2), ("A", 3)], 1),
        ([("A", 1), (None, None), (None, None)], 1),
    ],
)
def test_one_entity_and_seq_counts_once(seqs: list[tuple[str | None, int | None]], starts: int) -> None:
    events = [(f"2026-03-01 1{n}:00", {"entity": entity, "seq": seq}) for n, (entity, seq) in enumerate(seqs)]
    assert len(asked(*events)) == starts


@pytest.mark.parametrize(
    ("bought", "starts"),
    [
        pytest.param(("2026-03-03 10:00", ISSUED), 0, id="bought in the window"),
        pytest.param(("2026-03-01 10:00", ISSUED), 0, id="at its first instant"),
        pytest.param(("2026-03-01 09:59:59.999", ISSUED), 1, id="1 ms before it"),
        pytest.param(("2026-03-03 10:00", ISSUED | {"product_line": "motor"}), 1, id="another line"),
        pytest.param(
            ("2026-03-03 10:00", ISSUED | {"occurred": "2026-03-01 09:59:59.999"}), 1, id="occurred before it"
        ),
    ],
)
def test_what_must_not_be_there(bought: tuple[str, dict[str, Any]], starts: int) -> None:
    events = sorted([ONE, TWO, bought], key=lambda event: event[0])
    assert len(asked(*events, (SEVEN, {}))) == starts


@pytest.mark.parametrize(
    ("zone", "first", "last", "starts"),
    [
        ("America/New_York", "2026-03-05 10:00", "2026-03-12 11:00", 1),  # 7 times 24 hours, a day has 23
        ("America/New_York", "2026-03-05 10:00", "2026-03-12 11:00:00.001", 0),
        ("America/New_York", "2026-10-29 10:00", "2026-11-05 09:00", 1),  # a day has 25
        ("America/New_York", "2026-10-29 10:00", "2026-11-05 09:00:00.001", 0),
        ("Australia/Lord_Howe", "2026-10-01 10:00", "2026-10-08 10:30", 1),
        ("Australia/Lord_Howe", "2026-10-01 10:00", "2026-10-08 10:30:00.001", 0),
    ],
)
def test_durations_are_exact(zone: str, first: str, last: str, starts: int) -> None:
    p = Play(project(PATTERN), zone=zone, begin="2026-01-01 00:00")
    for when in (first, first, last):
        p.event(when, "enquiry.made", product_line="life")
    p.until("2026-12-31 00:00")
    assert p.starts == starts
