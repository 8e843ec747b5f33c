"""Whatever stands in a journey file, the answer is problems with places, never a crash."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.definitions.formatting import format_text
from sojourn.definitions.problems import DefinitionError, Problems, render_all
from sojourn.definitions.reader import plain, read_bytes, read_text
from tests.unit.language_kit import compile_text, journey
from tests.unit.test_jsonschema import BAD, GOOD

TEXTS = [journey(body) for body in (*GOOD, *BAD)]
SCRAPS = [
    *"{}[]:,'\"|>#@",
    *("- ", "\n", "\n  ", "  ", "*a", "&a", "!t ", "true", "yes", "null", "0012", "event.", "= ", "{zh: a}", "P3D"),
    *("when: ", "if: ", "do: ", "then: ", "otherwise: ", "wait: ", "send: ", "customer_id", "birthday"),
    *("9" * 19, "x" * 2500, "\t", "\x00", "续", "[" * 9),
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Draw a journey file with a few accidents: letters lost, scraps pasted, lines moved, doubled or lost."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(text) - 1)))
        lines = text.split("\n")
        line = draw(st.integers(0, len(lines) - 1))
        accident = draw(st.sampled_from(["lose", "paste", "move", "double", "drop"]))
        if accident == "lose":
            text = text[:at] + text[at + draw(st.integers(1, 12)) :]
            continue
        if accident == "paste":
            text = text[:at] + draw(st.sampled_from(SCRAPS)) + text[at:]
            continue
        taken = lines[line] if accident == "double" else lines.pop(line)
        if accident != "drop":
            lines.insert(draw(st.integers(0, len(lines))), taken)
        text = "\n".join(lines)
    return text


@settings(max_examples=150, deadline=None)
@given(damaged())
def test_a_damaged_journey_gives_problems_and_no_crash(text: str) -> None:
    compiled, problems = compile_text(text)
    assert compiled is not None or any(problem.severity == "error" for problem in problems)
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
    assert render_all(problems).count("error: ") >= sum(problem.severity == "error" for problem in problems)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    problems = Problems()
    assert read_bytes(raw, "a.yaml", problems) is not None or len(problems) > 0


@settings(max_examples=60, deadline=None)
@given(damaged())
def test_formatting_keeps_the_content_and_settles_at_once(text: str) -> None:
    try:
        neat = format_text(text, "a.yaml")
    except DefinitionError:
        return
    before, after = read_text(text, "a.yaml", Problems()), read_text(neat, "a.yaml", Problems())
    assert before is not None
    assert after is not None
    assert plain(after) == plain(before)
    assert format_text(neat, "a.yaml") == neat
