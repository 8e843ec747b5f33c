"""Any typed value as plain JSON, for arguments of calls and compared values in rows."""

from datetime import date
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """Give a JSON-plain form: decimals and dates as text, the rest as it is."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value
