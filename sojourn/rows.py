"""The row of the log as JSON: the same for simulate, ``sojourn log --json`` and GET /v1/log."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sojourn.core.model import Row

_EPOCH = datetime(1970, 1, 1)  # instants are UTC; without an offset isoformat writes none, and Z is added


def instant_text(instant: int) -> str:
    """Write an instant (ms) as UTC with milliseconds and ``Z``: ``2026-06-03T08:30:18.282Z``."""
    return (_EPOCH + timedelta(milliseconds=instant)).isoformat(timespec="milliseconds") + "Z"


def instant_of(text: str) -> int:
    """Read what ``instant_text`` wrote, or any ISO 8601 instant with an offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the instant has no offset from UTC")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def row_json(row: Row) -> dict[str, Any]:
    """Give a row with exactly the fields and the order that other systems rely on, JSON-plain.

    ``customer_id`` is null once the person is erased; texts are null where nothing was rendered.
    """
    handed = row.handed_over_at
    return {
        "message_id": row.message_id,
        "customer_id": row.customer_id or None,
        "journey": row.journey,
        "journey_version": row.journey_version,
        "key": _plain(row.key),
        "step": row.step,
        "template": row.template,
        "template_version": row.template_version,
        "locale": row.locale,
        "channel": row.channel,
        "status": row.status,
        "reason": row.reason,
        "due_at": instant_text(row.due_at),
        "decided_at": instant_text(row.decided_at),
        "handed_over_at": None if handed is None else instant_text(handed),
        "subject": row.subject,
        "text": row.text,
        "html": row.html,
        "event_id": row.event_id,
        "trace_id": row.trace_id,
        "detail": _plain(row.detail),
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Decimals become texts, dates ``YYYY-MM-DD``, sets lists; everything else stays as it is."""
    return {name: msgspec.to_builtins(value, str_keys=True) for name, value in values.items()}
