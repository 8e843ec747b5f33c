"""From the bytes of a foreign record to what expressions read of it: JSON, and CloudEvents of both modes. Pure.

Size, encoding and depth are bounded before (`sojourn.intake.decode`).
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sojourn.definitions.cloudevents import STRUCTURED, attribute
from sojourn.definitions.loose import Record
from sojourn.definitions.loose_values import Unfit, exact

_json: Final = msgspec.json.Decoder(float_hook=exact)
_PREFIX: Final = "ce_"


def json_record(key: bytes | None, value: bytes, headers: Mapping[str, bytes], timestamp: int) -> Record:
    """Give a record whose value is JSON of any kind.

    Raises:
        Unfit: The value is no JSON.
    """
    return Record(_read(value), key, headers, timestamp)


def cloud_record(key: bytes | None, value: bytes, headers: Mapping[str, bytes], timestamp: int) -> Record:
    """Give a record that is a CloudEvent: binary where a header says ``ce_specversion``, structured by content type.

    Raises:
        Unfit: It is neither, or its data are no JSON.
    """
    if f"{_PREFIX}specversion" in headers:
        cloud: Mapping[str, Any] = {
            name[len(_PREFIX) :]: attribute(name[len(_PREFIX) :], _text(name, raw))
            for name, raw in headers.items()
            if name.startswith(_PREFIX)
        }
        data = _read(value)
    else:
        kind = _text("content-type", headers.get("content-type", b"")).partition(";")[0].strip().lower()
        if kind != STRUCTURED:
            said = f"no header `{_PREFIX}specversion`, and the content type is not {STRUCTURED}"
            raise Unfit(f"this is no CloudEvent: {said}", "missing_field")
        cloud, data = _structured(_read(value))
    if not str(cloud.get("specversion")).startswith("1."):
        raise Unfit("specversion: a CloudEvent of version 1 is wanted")
    return Record(data, key, headers, timestamp, cloud)


def _structured(whole: Any) -> tuple[Mapping[str, Any], Any]:
    if type(whole) is not dict:
        raise Unfit("a CloudEvent in structured mode is an object")
    data = whole.get("data")
    if (encoded := whole.get("data_base64")) is not None:
        try:
            data = _read(base64.b64decode(encoded, validate=True))
        except (binascii.Error, TypeError, ValueError):
            raise Unfit("data_base64: base64 is wanted", "bad_json") from None
    return {name: value for name, value in whole.items() if name not in ("data", "data_base64")}, data


def _read(raw: bytes) -> Any:
    try:
        return _json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unfit("the text is not JSON", "bad_json") from None


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unfit(f"the header `{name}` is not UTF-8", "not_utf8") from None
