"""How values are kept: typed ones stay typed, parts carry a format, seals open only where they belong."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.core.model import FORMAT, Hot, Run
from sojourn.ports import StoreBroken
from sojourn.store.codec import READERS, pack, pack_typed, unpack_part, unpack_typed
from sojourn.store.sealing import Master

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.dates()
) | st.decimals(allow_nan=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(VALUES)
def test_typed_values_come_back_with_their_types(value: Any) -> None:
    assert repr(unpack_typed(pack_typed(value))) == repr(value)


def test_tuples_and_sets_come_back_as_lists() -> None:
    assert unpack_typed(pack_typed({"a": (1, (date(2026, 1, 1),)), "b": {"y", "x"}})) == {
        "a": [1, [date(2026, 1, 1)]],
        "b": ["x", "y"],
    }


def test_every_part_has_a_reader_of_the_format_that_is_written() -> None:
    assert READERS[FORMAT].keys() == {"hot", "profile", "memory", "run"}
    assert unpack_part("hot", FORMAT, pack(Hot(7))) == Hot(7)


def test_a_format_that_is_not_read_stops_the_process() -> None:
    with pytest.raises(StoreBroken, match="format") as caught:
        unpack_part("hot", FORMAT + 5, pack(Hot(7)))
    assert caught.value.kind == "stop"


def test_the_format_before_and_after_are_read_by_readers_of_their_own() -> None:
    readers = {FORMAT: READERS[FORMAT], FORMAT + 1: {"hot": lambda body: Hot(len(body))}}
    assert unpack_part("hot", FORMAT + 1, b"four", readers) == Hot(4)
    assert unpack_part("hot", FORMAT, pack(Hot(1)), readers) == Hot(1)


def test_a_part_written_by_an_older_release_lacks_only_what_has_a_default() -> None:
    shorter = pack(["r1", "renewal", 1, ["P-1"], 0, [], {}])
    run = unpack_part("run", FORMAT, shorter)
    assert isinstance(run, Run)
    assert (run.id, run.copies, run.finished) == ("r1", (), False)


def test_a_seal_opens_only_for_its_key_its_place_and_its_bytes() -> None:
    master = Master(bytes(32))
    wrapped, key = master.new_key()
    sealed = key.seal(b"hot", b"secret")
    assert b"secret" not in sealed
    assert master.unwrap(wrapped).open(b"hot", sealed) == b"secret"
    assert key.seal(b"hot", b"secret") != sealed
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    others = [(key, b"run", sealed), (master.new_key()[1], b"hot", sealed), (key, b"hot", flipped), (key, b"hot", b"")]
    for opener, place, content in [*others, (key, b"hot", b"\x02" + sealed[1:]), (key, b"hot", sealed[:9])]:
        with pytest.raises(StoreBroken, match="cannot be opened"):
            opener.open(place, content)


def test_hashes_and_proofs_need_the_master_key() -> None:
    one, other = Master(bytes(32)), Master(bytes(31) + b"\x01")
    assert one.search("term", "K-7") == Master(bytes(32)).search("term", "K-7")
    assert len({one.search("term", "K-7"), other.search("term", "K-7"), one.search("customer", "K-7")}) == 3
    assert one.proof(b"text") != other.proof(b"text")
    assert one.digest(b"text") == one.proof(b"text")[:16]


def test_random_bytes_come_from_where_the_caller_says() -> None:
    fixed = Master(bytes(32), lambda count: b"\x07" * count)
    assert fixed.new_subject() == fixed.new_subject() == 1 + int.from_bytes(b"\x07" * 8) % 2**62
