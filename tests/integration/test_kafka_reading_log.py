"""The lines of the Kafka client: one of a kind in ten seconds, the others counted."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from sojourn.kafka.quiet import Quiet, quiet


@pytest.fixture
def lines() -> Iterator[list[structlog.typing.EventDict]]:
    with structlog.testing.capture_logs() as found:
        yield found


def line(text: str, *values: object, at: float, error: Exception | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, None)
    record = logging.LogRecord("aiokafka.conn", logging.ERROR, "conn.py", 1, text, values, info)
    record.created = at
    return record


def test_one_line_of_a_kind_in_ten_seconds_tells_how_many_it_stands_for(
    lines: list[structlog.typing.EventDict],
) -> None:
    handler = Quiet()
    for n in range(150):
        handler.handle(line("Unable connect to node with id %s", n % 3, at=1_000 + n / 20))
    handler.handle(line("Request failed", at=1_001))
    handler.handle(line("Unable connect to node with id %s", 7, at=1_010))
    assert [(each["text"], each["left_out"]) for each in lines] == [
        ("Unable connect to node with id 0", 0),
        ("Request failed", 0),
        ("Unable connect to node with id 7", 149),
    ]
    assert {each["log_level"] for each in lines} == {"error"}


def test_of_an_error_only_its_kind_is_told(lines: list[structlog.typing.EventDict]) -> None:
    Quiet().handle(line("Unexpected", at=1.0, error=ValueError("a name")))
    assert lines[0]["error"] == "ValueError"
    assert "a name" not in str(lines)


def test_the_client_is_taken_over_once(lines: list[structlog.typing.EventDict]) -> None:
    root = logging.getLogger("aiokafka.made_up")
    try:
        quiet(["aiokafka.made_up"])
        quiet(["aiokafka.made_up"])
        logging.getLogger("aiokafka.made_up.conn").error("once")
        assert [each["text"] for each in lines] == ["once"]
    finally:
        root.handlers.clear()
