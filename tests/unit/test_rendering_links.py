"""Links: the same on every replay, nothing personal in them, forged ones refused, ended after 30 days."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.rendering import SIMULATION_KEY, make_link, message_ref, verify_token
from sojourn.rendering.links import DAY, HOUR, make_token

NOW = 1_775_000_000_000
TARGETS = ("pay", "track", "unsubscribe")
KEY = b"a key of this test, 32 octets ..."


def test_a_link_is_short_and_the_same_on_every_replay() -> None:
    first = make_link("https://qc.example", KEY, "pay", "m-1", NOW + 30 * DAY)
    assert first == make_link("https://qc.example", KEY, "pay", "m-1", NOW + 30 * DAY)
    assert first.startswith("https://qc.example/l/")
    assert len(first) == 45


def test_a_genuine_token_says_target_message_and_end() -> None:
    claim = verify_token(KEY, make_token(KEY, "track", "m-1", NOW + 30 * DAY), TARGETS)
    assert claim is not None
    assert (claim.target, claim.message_ref) == ("track", message_ref("m-1"))
    assert NOW + 30 * DAY <= claim.expires < NOW + 30 * DAY + HOUR


def test_it_ends_at_its_hour_and_not_before() -> None:
    claim = verify_token(KEY, make_token(KEY, "pay", "m-1", 100 * HOUR), TARGETS)
    assert claim is not None
    assert not claim.ended(100 * HOUR - 1)
    assert claim.ended(100 * HOUR)


def test_each_target_message_and_key_gives_another_token() -> None:
    tokens = {
        make_token(key, target, message, NOW)
        for key in (KEY, SIMULATION_KEY)
        for target in TARGETS
        for message in ("m-1", "m-2")
    }
    assert len(tokens) == 12


def test_a_token_of_another_key_or_target_list_is_refused() -> None:
    token = make_token(KEY, "pay", "m-1", NOW)
    assert verify_token(SIMULATION_KEY, token, TARGETS) is None
    assert verify_token(KEY, token, ("track",)) is None


@pytest.mark.parametrize("token", ["", "x", "é" * 24, "=" * 24, "!" * 24, "A" * 24, "A" * 23, "A" * 10_000])
def test_nonsense_is_refused_without_an_error(token: str) -> None:
    assert verify_token(KEY, token, TARGETS) is None


@given(st.integers(0, 23), st.characters(codec="ascii"))
def test_one_changed_character_is_noticed(position: int, character: str) -> None:
    token = make_token(KEY, "pay", "m-1", NOW)
    changed = token[:position] + character + token[position + 1 :]
    assert changed == token or verify_token(KEY, changed, TARGETS) is None
