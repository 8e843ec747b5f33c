"""Where logs go: standard error, one JSON object a line; for people on a terminal in plain form."""

import logging
import sys

import structlog

from sojourn.kafka.quiet import quiet


def log_to_stderr() -> None:
    """Write logs to standard error: lines for people on a terminal, else JSON."""
    for_people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    quiet(("",))  # the root: what any library says
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # its tracebacks may hold customers' values


def quiet_clients() -> None:
    """Pass on of what clients' loggers say one line of a kind now and then, never a traceback."""
    quiet(("aiokafka", "faust", "mode", "asyncio"))
