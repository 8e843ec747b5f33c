"""Which release judges an instant, which a customer has still to meet, and what a process does that lacks one."""

from types import SimpleNamespace
from typing import cast

import pytest

from sojourn.core.book import Book
from sojourn.intake.releases import RELEASED, BookMissing, Released, Releases
from sojourn.records import Position

BOOK = cast(Book, SimpleNamespace())
ALL = Releases(tuple(Released(n, at, "stay", BOOK) for n, at in ((1, 0), (2, 100), (3, 100), (4, 900))))


@pytest.mark.parametrize(("now", "number"), [(0, 1), (99, 1), (100, 3), (899, 3), (900, 4), (5_000, 4)])
def test_the_newest_release_whose_instant_has_come_judges(now: int, number: int) -> None:
    assert ALL.at(now).number == number


@pytest.mark.parametrize(
    ("met", "now", "numbers"), [(1, 99, []), (1, 100, [2, 3]), (2, 100, [3]), (1, 900, [2, 3, 4]), (4, 9_999, [])]
)
def test_a_customer_meets_all_that_he_has_not_met_in_order(met: int, now: int, numbers: list[int]) -> None:
    assert [released.number for released in ALL.to_meet(met, now)] == numbers


def test_a_release_that_a_customer_has_met_elsewhere_and_that_is_not_loaded_here_is_told() -> None:
    assert ALL.numbered(4).number == 4
    with pytest.raises(BookMissing):
        ALL.numbered(5)


@pytest.mark.parametrize(("at", "missing"), [(1_000, True), (1_001, False)])
def test_a_release_that_is_in_force_and_not_loaded_is_told(at: int, *, missing: bool) -> None:
    positions = {RELEASED: Position(5, at)}
    if missing:
        with pytest.raises(BookMissing):
            ALL.check(positions, 1_000)
    else:
        ALL.check(positions, 1_000)
