"""What operators tell over the control topic: one JSON object a record, kept as a dead letter when it is none."""

from typing import Annotated, Final, Literal

import msgspec

from sojourn.errors import ConfigurationError
from sojourn.operations.sources import LONGEST_MS, waive
from sojourn.ports import Store
from sojourn.records import DeadLetter

SOURCE: Final = "control"
REASON: Final = "bad_control"

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Waive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="waive", tag_field="kind"):
    """A person's word that timers need not wait for some sources, for so many seconds; see `sojourn intake waive`."""

    sources: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=1_000)]
    seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_MS // 1000)]
    by: _Text
    reason: _Text


async def obey(store: Store, record: bytes) -> Literal["waive", "refused"]:
    """Do what a record says, or keep it as a dead letter.

    Raises:
        TryLater: The store is away; nothing was done.
    """
    try:
        word = msgspec.json.decode(record, type=Waive)
        await waive(store, word.sources, lasts_ms=word.seconds * 1000, by=word.by, reason=word.reason)
        return "waive"
    except (msgspec.MsgspecError, ConfigurationError) as error:
        said = str(error) if isinstance(error, msgspec.MsgspecError) else error.what
        async with store.transaction() as tx:
            now = await tx.now()
            await tx.append_dead_letters(
                [DeadLetter(source=SOURCE, arrival=now, reason=REASON, detail=said[:500], raw=record)]
            )
        return "refused"
