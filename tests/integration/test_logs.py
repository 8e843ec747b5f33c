"""What libraries write becomes lines of our log: one of a kind, JSON, without a traceback and without a value."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROGRAM = """
import logging
from sojourn.bootstrap.logs import log_to_stderr

log_to_stderr()
for n in range(100):
    try:
        raise ValueError("王小明")
    except ValueError as error:
        logging.getLogger("sqlalchemy.pool").exception("a connection is lost, for the %dth time", n)
        logging.getLogger("asyncio").error("a task failed\\nfuture: %r", error)
        logging.getLogger("anything.else").info("not worth a line")
"""


def test_what_libraries_say_comes_once_as_json_and_names_nobody() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["of"], line["text"], line["error"], line["level"]) for line in lines] == [
        ("sqlalchemy.pool", "a connection is lost, for the 0th time", "ValueError", "error"),
        ("asyncio", "a task failed", None, "error"),
    ]
    assert "王小明" not in done.stderr
    assert done.stdout == ""


#: What a line may say: names of the engine and the project, kinds, counts and words that stand in the code.
SAYS = {
    "address", "at", "became", "error", "found", "journeys", "kind", "left_out", "next_step", "number", "of", "part",
    "running", "source", "stored", "text", "topic", "trouble", "wanted", "what", "where",
}  # fmt: skip
METHODS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
ROOT = Path(__file__).parents[2]


def logged() -> Iterator[tuple[str, ast.Call]]:
    """Every place of the engine that writes a line."""
    for path in [*(ROOT / "sojourn").rglob("*.py"), *(ROOT / "agents").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=word)) if word in METHODS:
                    yield f"{path.name}:{node.lineno}", node


def test_a_line_is_a_fixed_text_with_values_from_a_closed_list() -> None:
    places = list(logged())
    assert len(places) > 15
    for place, call in places:
        text = call.args[-1]
        assert isinstance(text, ast.Constant), f"{place}: the text of a line is fixed"
        assert {str(word.arg) for word in call.keywords} <= SAYS, place
