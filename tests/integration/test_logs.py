"""What libraries write becomes lines of our log: one of a kind, JSON, without a traceback and without a value."""

import json
import subprocess
import sys

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
