"""The reader: every node has its place, every scalar is the text that was written."""

import pytest

from sojourn.definitions.problems import DefinitionError, Place, Problem, Problems, render, render_all
from sojourn.definitions.reader import Mapping, Scalar, plain, read_bytes, read_file, read_text


def read(text: str) -> Mapping:
    problems = Problems()
    root = read_text(text, "a.yaml", problems)
    assert list(problems) == []
    assert root is not None
    return root


def complaints(text: str | bytes) -> list[str]:
    problems = Problems()
    raw = text if isinstance(text, bytes) else text.encode()
    read_bytes(raw, "a.yaml", problems)
    return [f"{p.line}:{p.column} {p.message}" for p in problems]


@pytest.mark.parametrize(
    "text",
    ["12e4567", "0012", "1.10", "yes", "no", "on", "off", "null", "~", "2026-03-31", "09:00", "21:00", "12:30:00",
     "010", "0x1F", ".inf", "true", "1_000", "+1", "3 days"],
)  # fmt: skip
def test_a_plain_scalar_is_the_text_that_was_written(text: str) -> None:
    value = read(f"key: {text}\n").get("key")
    assert isinstance(value, Scalar)
    assert (value.text, value.quoted) == (text, False)


def test_keys_keep_their_order_and_nodes_know_their_places() -> None:
    root = read("b: 1\na:\n  - x: 'q'\n    y: [1, 2]\n")
    assert root.names == ("b", "a")
    assert plain(root) == {"b": "1", "a": [{"x": "q", "y": ["1", "2"]}]}
    items = root.get("a")
    assert items is not None
    assert (items.place.line, items.place.column) == (3, 3)
    inner = next(iter(items))
    assert isinstance(inner, Mapping)
    quoted = inner.get("x")
    assert isinstance(quoted, Scalar)
    assert quoted.quoted
    assert quoted.place == Place("a.yaml", 3, 8)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("k: plain text here\n", "plain text here"),
        ("k: 'it''s quoted'\n", "it's quoted"),
        ('k: "double quoted"\n', "double quoted"),
        ("k: >-\n  folded over\n  two lines\n", "folded over two lines"),
        ("k: |\n  literal\n   deeper\n  lines\n", "literal\n deeper\nlines\n"),
        ("k: plain over\n  two lines\n", "plain over two lines"),
        ("k: {a: 续期 text}\n", "续期 text"),
    ],
)
def test_each_letter_of_a_text_is_found_in_the_file(source: str, text: str) -> None:
    value = read(source).get("k")
    if isinstance(value, Mapping):
        value = value.get("a")
    assert isinstance(value, Scalar)
    assert value.text == text
    lines = source.splitlines()
    for offset, char in enumerate(text):
        if not char.isspace():
            place = value.place_at(offset)
            assert lines[place.line - 1][place.column - 1] == char


def test_an_offset_behind_the_end_points_at_the_last_letter() -> None:
    value = read("k: abc\n").get("k")
    assert isinstance(value, Scalar)
    assert value.place_at(99).column == 6


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "1:1 the file is empty"),
        (b"# only a comment\n", "1:1 the file is empty"),
        (b"- a\n", "1:1 the file holds a list where keys stand"),
        (b"just text\n", "1:1 the file holds a text where keys stand"),
        (b"a: \xff\n", "1:4 the file is not UTF-8"),
        (b"ok: 1\na: \x00\n", "2:4 a control character (U+0000) stands here"),
        (b"a: " + b"x" * 300_000, "1:1 the file has 300,003 bytes"),
        (b"a: " + b"[" * 70, "1:64 more than 60 levels stand inside each other"),
        (b"a: 1\n---\nb: 2\n", "2:1 a second document begins here"),
        (b'a: "x\n', "1:4 a quote mark is opened and not closed"),
        (b"[a, b]: c\n", "1:1 a list stands where a key must"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(raw: bytes, said: str) -> None:
    assert complaints(raw) == [said]


def test_a_mistake_does_not_hide_the_next_one() -> None:
    found = complaints("a: 1\na: 2\nb: !x 1\nc: &y 2\nd: {e: f, g}\n")
    assert found == [
        "2:1 `a` stands twice",
        "3:4 a tag (`!x`) stands here",
        "4:4 an anchor (`&`) stands here",
        "5:11 a comma cuts a text in two before `g`",
    ]


def test_windows_line_ends_and_a_byte_order_mark_are_taken() -> None:
    problems = Problems()
    root = read_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "a.yaml", problems)
    assert root is not None
    assert plain(root) == {"a": "1", "b": "2"}
    assert list(problems) == []


def test_a_file_that_is_not_there_is_a_problem_and_no_crash(tmp_path) -> None:  # type: ignore[no-untyped-def]
    problems = Problems()
    assert read_file(tmp_path / "no.yaml", "no.yaml", problems) is None
    assert [p.message for p in problems] == ["the file cannot be read: No such file or directory"]


def test_a_problem_is_told_like_a_compiler_tells_it() -> None:
    problem = Problem("j.yaml", 12, 9, "there is no event type `x`", "did you mean `y`?", "  when: x")
    assert render(problem) == (
        "j.yaml:12:9: error: there is no event type `x`\n  12 |   when: x\n     |         ^\n  hint: did you mean `y`?"
    )


def test_the_caret_stands_below_its_letter_behind_wide_letters() -> None:
    text = render(Problem("j.yaml", 1, 7, "m", "", "zh: 续期x"))
    assert text.splitlines()[2].index("^") == len("  1 | ") + len("zh: ") + 4


def test_a_control_character_of_a_file_never_reaches_the_terminal() -> None:
    problems = Problems()
    read_text("a: \x1b[2Jx\n", "j.yaml", problems)
    assert "\x1b" not in render_all(problems)
    assert "a: ?[2Jx" in render_all(problems)


def test_problems_are_sorted_counted_once_and_carried_by_one_error() -> None:
    problems = Problems()
    problems.add(Place("b.yaml", 1, 1), "later")
    problems.add(Place("a.yaml", 9, 1), "ninth")
    problems.add(Place("a.yaml", 2, 1), "second")
    problems.add(Place("a.yaml", 2, 1), "second")
    problems.add(Place("a.yaml", 1, 1), "by the way", severity="note")
    assert [p.message for p in problems] == ["by the way", "second", "ninth", "later"]
    with pytest.raises(DefinitionError, match="3 problems") as caught:
        problems.stop_on_errors()
    assert render_all(problems.errors) in str(caught.value)
    assert [p.as_json()["line"] for p in caught.value.problems] == [2, 9, 1]
