"""Errors say what happened, with which data, and what to do next; their class says who tries again."""

from __future__ import annotations

import pickle

import pytest

from sojourn.errors import ConfigurationError, MustStop, NeverWorks, SojournError, TryLater


def test_an_error_says_what_with_which_data_and_what_next() -> None:
    error = SojournError("The database is locked", next_step="It is tried again", waited_ms=250, by="writer")
    assert str(error) == "The database is locked (waited_ms=250, by='writer'). It is tried again"


def test_parts_that_are_not_given_leave_no_trace() -> None:
    assert str(SojournError("The port is taken")) == "The port is taken"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TryLater, "later"),
        (NeverWorks, "never"),
        (MustStop, "stop"),
        (ConfigurationError, "stop"),
        (SojournError, "stop"),
    ],
)
def test_each_error_belongs_to_one_of_three_kinds(error: type[SojournError], kind: str) -> None:
    assert error("x").kind == kind


def test_an_error_keeps_its_parts_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ConfigurationError("Unknown setting", next_step="Mend it", name="X")))
    assert isinstance(error, ConfigurationError)
    assert (error.what, error.next_step, error.data) == ("Unknown setting", "Mend it", {"name": "X"})
