"""Places: the same partition that a publisher's producer chooses."""

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from sojourn.places import place_of


@pytest.mark.parametrize(
    ("customer", "place"),
    [("", 275646681), ("c1", 2069367011), ("C-000017", 622958041), ("客户-8", 233941106), ("abcde", 461995741)],
)
def test_a_place_stays_the_same_for_ever(customer: str, place: int) -> None:
    assert place_of(customer) == place


@given(st.text(max_size=40))
def test_a_place_is_where_the_default_partitioner_puts_the_key(customer: str) -> None:
    assert place_of(customer) == murmur2(customer.encode()) & 0x7FFFFFFF
