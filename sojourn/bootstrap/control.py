"""What operators tell over the control topic: one JSON object a record, kept as a dead letter when it is none."""

from typing import Annotated, Final, Literal

import msgspec

from sojourn.errors import ConfigurationError
from sojourn.operations.letters import BAD_CONTROL
from sojourn.operations.sources import LONGEST_MS, waive
from sojourn.ports import Store
from sojourn.records import DeadLetter

SOURCE: Final = "control"

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Waive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="waive", tag_field="kind"):
    """A person's word that timers need not wait for some sources, for so many seconds; see `sojourn intake waive`."""

    sources: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=1_000)]
    seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_MS // 1000)]
    by: _Text
    reason: _Text


async def obey(store: Store, record: bytes | None) -> Literal["waive", "refused"]:
    """Do what a record says, or keep it as a dead letter; None is a record without a value.

    Raises:
        TryLater: The store is away; nothing was done.
    """
    if record is None:
        return await _refuse(store, b"", "the record has no value")
    try:
        word = msgspec.json.decode(record, type=Waive)
        await waive(store, word.sources, lasts_ms=word.seconds * 1000, by=word.by, reason=word.reason)
    except ConfigurationError as error:
        return await _refuse(store, record, error.what)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return await _refuse(store, record, str(error))
    return "waive"


async def _refuse(store: Store, record: bytes, said: str) -> Literal["refused"]:
    async with store.transaction() as tx:
        now = await tx.now()
        letter = DeadLetter(source=SOURCE, arrival=now, reason=BAD_CONTROL, detail=said[:500], raw=record)
        await tx.append_dead_letters([letter])
    return "refused"
