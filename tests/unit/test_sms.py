"""How many segments a text takes: tables of cases, and laws that hold for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.rendering.sms import JOINED, SINGLE, encoding_of, measure, split, units

CASES = [
    ("", "gsm7", 0, 0),
    ("Hello", "gsm7", 5, 1),
    ("a" * 160, "gsm7", 160, 1),
    ("a" * 161, "gsm7", 161, 2),
    ("a" * 306, "gsm7", 306, 2),
    ("a" * 307, "gsm7", 307, 3),
    ("€", "gsm7", 2, 1),
    ("€" * 80, "gsm7", 160, 1),
    ("€" * 81, "gsm7", 162, 2),
    ("[]{}~^|\\", "gsm7", 16, 1),
    ("àéèùìòÇØøÅåÆæßÉÄÖÑÜ§äöñü¿¡", "gsm7", 26, 1),
    ("ΔΦΓΛΩΠΨΣΘΞ", "gsm7", 10, 1),
    ("ç", "ucs2", 1, 1),
    ("`", "ucs2", 1, 1),
    ("“", "ucs2", 1, 1),
    ("\t", "ucs2", 1, 1),
    ("汉" * 70, "ucs2", 70, 1),
    ("汉" * 71, "ucs2", 71, 2),
    ("汉" * 134, "ucs2", 134, 2),
    ("汉" * 135, "ucs2", 135, 3),
    ("😀", "ucs2", 2, 1),
    ("😀" * 35, "ucs2", 70, 1),
    ("😀" * 36, "ucs2", 72, 2),
]


@pytest.mark.parametrize(("text", "encoding", "length", "segments"), CASES)
def test_a_text_is_measured_as_operators_count_it(text: str, encoding: str, length: int, segments: int) -> None:
    size = measure(text)
    assert (size.encoding, size.length, size.segments) == (encoding, length, segments)


def test_an_extension_character_is_never_cut_in_two() -> None:
    # 152 + 1 septets fill the first segment but one; the euro sign needs two, so it opens the second.
    text = "a" * 152 + "€" + "b" * 20
    assert split(text) == ("a" * 152, "€" + "b" * 20)


def test_a_surrogate_pair_is_never_cut_in_two() -> None:
    # 66 characters leave one unit in the first segment, and the emoji needs two.
    text = "汉" * 66 + "😀" + "字" * 10
    assert split(text) == ("汉" * 66, "😀" + "字" * 10)


def test_what_cannot_be_cut_may_cost_a_segment_more() -> None:
    # 134 units would fit two segments if the pair could be cut; it cannot, so there are three.
    text = "汉" * 66 + "😀" + "汉" * 66
    assert measure(text).length == 134
    assert measure(text).segments == 3


_TEXTS = st.text(st.sampled_from("abc€[~汉字😀\n@"), max_size=700)


@given(_TEXTS)
def test_segments_hold_the_whole_text_and_fit(text: str) -> None:
    parts, encoding = split(text), encoding_of(text)
    room = SINGLE[encoding] if len(parts) == 1 else JOINED[encoding]
    assert "".join(parts) == text
    assert all(sum(units(c, encoding) for c in part) <= room for part in parts)
    assert measure(text).segments == len(parts)


@given(_TEXTS)
def test_the_length_is_that_of_the_encoded_text(text: str) -> None:
    size = measure(text)
    if size.encoding == "ucs2":
        assert size.length == len(text.encode("utf-16-be")) // 2
    else:
        assert size.length == sum(2 if c in "€[~" else 1 for c in text)
