"""`sojourn format`: one look, comments survive, content never changes."""

from pathlib import Path

import pytest

from sojourn.definitions.formatting import WIDTH, format_text
from sojourn.definitions.problems import DefinitionError, Problems
from sojourn.definitions.reader import plain, read_text

PROJECT = Path(__file__).parents[2]
MESSY = """
# what it is
journey: j     # its id



name:   {zh: 续期, en: "One (two, three)"}
codes: {a: 0012, b: 1.10, c: yes, d: 12e4567, e: 2026-03-31, f: '007', g: null}
flow:
- {id: a,   send: hello, by: sms}
# between two steps
-   id: b
    send: bye   # at the end
    by: [sms,email]
- {id: c, send: bye, by: sms, if: "policy_id in ['a', 'b']"}    # a list
- {id: d, send: a_template_with_a_long_name, by: {first_of: [sms, email]}, class: mandatory, priority: 90, urgent: true}
note: >-
  folded
  text
last: |
  line
   deeper
"""
NEAT = """# what it is
journey: j     # its id

name: {zh: 续期, en: "One (two, three)"}
codes: {a: 0012, b: 1.10, c: yes, d: 12e4567, e: 2026-03-31, f: '007', g: null}
flow:
  - {id: a, send: hello, by: sms}
# between two steps
  - id: b
    send: bye   # at the end
    by: [sms, email]
  - id: c
    send: bye
    by: sms
    if: "policy_id in ['a', 'b']" # a list
  - id: d
    send: a_template_with_a_long_name
    by: {first_of: [sms, email]}
    class: mandatory
    priority: 90
    urgent: true
note: >-
  folded
  text
last: |
  line
   deeper
"""


def content(text: str) -> object:
    root = read_text(text, "j.yaml", Problems())
    assert root is not None
    return plain(root)


def test_a_messy_file_becomes_neat() -> None:
    assert format_text(MESSY, "j.yaml") == NEAT


def test_what_is_neat_stays_as_it_is() -> None:
    assert format_text(NEAT, "j.yaml") == NEAT


def test_the_content_stays_to_the_letter() -> None:
    assert content(format_text(MESSY, "j.yaml")) == content(MESSY)


@pytest.mark.parametrize("file", sorted(PROJECT.glob("journeys/*.yaml")), ids=lambda file: file.name)
def test_files_of_the_reference_insurer_keep_content_and_comments(file: Path) -> None:
    text = file.read_text("utf-8")
    neat = format_text(text, file.name)
    assert content(neat) == content(text)
    assert format_text(neat, file.name) == neat
    assert [line.split("# ", 1)[1] for line in text.splitlines() if line.lstrip().startswith("# ")] == [
        line.split("# ", 1)[1] for line in neat.splitlines() if line.lstrip().startswith("# ")
    ]


def test_no_bracket_is_wider_than_a_screen() -> None:
    wide = "steps:\n  - {" + ", ".join(f"key_number_{n}: value_{n}" for n in range(8)) + "}\n"
    assert max(len(line) for line in format_text(wide, "j.yaml").splitlines()) <= WIDTH


def test_a_file_that_cannot_be_read_is_left_alone_with_its_problems() -> None:
    with pytest.raises(DefinitionError) as caught:
        format_text("a: 1\na: 2\n", "j.yaml")
    assert [problem.message for problem in caught.value.problems] == ["`a` stands twice"]
