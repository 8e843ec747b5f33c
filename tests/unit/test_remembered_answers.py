"""Days and due instants are remembered for one state at a time, and never for another one or another book."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sojourn.core import due, starts_day
from sojourn.core.book import Book
from sojourn.core.decide import decide
from sojourn.core.drive import complete
from sojourn.core.model import Event, Publication, Silence, State
from sojourn.definitions.publish import first_book, next_book
from sojourn.intake.decode import Refused, decode
from tests.integration.enginekit import happened, known
from tests.unit.rules.kit import EVERYTHING, SHANGHAI, at, project
from tests.unit.rules.small import small

FLOW = "flow: [{wait: 5 days}, {wait: 3 hours}]"
ONE = small("yearly", FLOW, when="{when: birthday, at: 09:00}", key="[year]", facts="{}", expire="")
OTHER = small("yearly", FLOW, when="{when: birthday, at: 18:30}", key="[year]", facts="{}", expire="")
FEAST = small("feast", FLOW, when="{when: festival, at: 10:00}", key="[festival_id, year]", facts="{}", expire="")
SILENT = small(
    "silent", FLOW, when="{silent: activity.recorded, for: 30 days, by: product_line}", key="[product_line]",
    facts="{}", expire="", again="after exit",
)  # fmt: skip
BEGIN = at("2026-03-01 10:00", SHANGHAI)
DAY = 86_400_000

LOADED = project(ONE, SILENT)
LATER = project(OTHER, FEAST, SILENT)
FIRST = first_book(LOADED)
SECOND, _ = next_book(FIRST, LATER, "stay")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Begin with nothing remembered."""
    due._last.clear()
    starts_day._last.clear()
    yield
    due._last.clear()
    starts_day._last.clear()


def afresh(book: Book, state: State) -> int | None:
    """Compute the due instant with nothing remembered, and put what was remembered back."""
    kept = due._last[:], starts_day._last[:]
    due._last.clear()
    starts_day._last.clear()
    found = due._next_due(book, state)
    due._last[:], starts_day._last[:] = kept
    return found


def event(n: int, customer: str, instant: int, what: int) -> Event:
    """Give one of several events: a sign of life, another zone, another birthday, another language."""
    entity = {"type": "customer", "id": customer, "seq": n + 2}
    fields = ({}, {"timezone": ("Pacific/Auckland", "America/New_York", SHANGHAI)[n % 3]},
              {"birth_date": f"1980-0{1 + n % 9}-1{n % 10}"}, {"language": "en"})[what]  # fmt: skip
    if fields:
        raw = happened("customer.updated", customer, instant, {"changed": sorted(fields), "profile": fields},
                       entity=entity)  # fmt: skip
    else:
        payload = {"product_line": ("life", "credit_card")[n % 2], "kind": "login", "channel": "app"}
        raw = happened("activity.recorded", customer, instant, payload, entity=entity)
    read = decode(raw, LOADED.catalogue, instant)
    assert not isinstance(read, Refused), read
    return read


def newcomer(customer: str, birthday: str) -> State:
    raw = known(customer, BEGIN, birth_date=birthday, timezone=SHANGHAI, consent=EVERYTHING)
    read = decode(raw, LOADED.catalogue, BEGIN)
    assert not isinstance(read, Refused), read
    return decide(FIRST, State(customer), read, BEGIN).state


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),  # whose turn
        st.sampled_from(["event", "event", "time", "ask", "release"]),
        st.integers(0, 3),
        st.integers(0, 40 * DAY),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_due_instant_is_what_a_fresh_look_gives_whatever_was_asked_before(
    steps: list[tuple[int, str, int, int]],
) -> None:
    due._last.clear()
    starts_day._last.clear()
    people = [newcomer(f"C{n}", f"198{n}-03-1{n}") for n in range(3)]
    books = [FIRST] * 3
    now = BEGIN
    for n, (who, step, what, passed) in enumerate(steps):
        state, book = people[who], books[who]
        now += passed // 10
        if step == "event":
            people[who] = decide(book, state, event(n, f"C{who}", now, what), max(now, state.hot.clock)).state
        elif step == "time":
            people[who] = complete(book, state, now).state
        elif step == "release" and book is FIRST:
            books[who] = SECOND
            people[who] = decide(SECOND, state, Publication("stay"), max(now, state.hot.clock)).state
        for one in (people[who], *people, state):
            for each in (books[who], FIRST, SECOND, books[who]):
                assert due.next_due(each, one) == afresh(each, one)


def test_what_is_remembered_is_held_so_that_no_other_takes_its_place_in_memory() -> None:
    for n in range(200):
        birthday = f"1980-{1 + n % 12:02}-{1 + n % 28:02}"
        state = newcomer("C1", birthday)
        assert due.next_due(FIRST, state) == afresh(FIRST, state)
        assert due._last[0][0] is FIRST
        assert due._last[0][1] is state
        del state
        if n % 50 == 0:
            gc.collect()
    assert len(due._last) == len(starts_day._last) == 1


def test_states_that_share_memory_and_profile_are_told_apart_by_what_differs() -> None:
    state = newcomer("C1", "1980-03-12")
    early = due.next_due(FIRST, state)
    heard = replace(state, memory=replace(state.memory, silences=(Silence("silent", "life", BEGIN - 29 * DAY),)))
    assert due.next_due(FIRST, heard) == BEGIN + DAY
    assert due.next_due(FIRST, heard) == afresh(FIRST, heard)
    assert due.next_due(FIRST, state) == early
    assert due.next_due(SECOND, state) == afresh(SECOND, state) != early
