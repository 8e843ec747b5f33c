"""What leaves for output topics, and secrets that the processes of a store share."""

from collections.abc import Collection, Sequence

from msgspec.msgpack import Decoder
from sqlalchemy import delete, select, text

from sojourn.records import Outgoing
from sojourn.store import tables as t
from sojourn.store.codec import pack
from sojourn.store.context import Context
from sojourn.store.sql import Many, among, listed

_SEND = Many(t.outgoing, copy=True)
_OLDEST = select(t.outgoing.c.number, t.outgoing.c.topic, t.outgoing.c.sealed)
_OLDEST = _OLDEST.where(t.outgoing.c.number > 0).order_by(t.outgoing.c.number)
_GONE = delete(t.outgoing).where(among(t.outgoing.c.number))
_SECRET = Many(t.meta, keys=("name",))
_MINE = text("SELECT pg_try_advisory_xact_lock(:key)")
_SENDING = 7_303_014_202  # the number of the lock of whoever sends
_body = Decoder(tuple[str, str, bytes]).decode


def send_out(context: Context, records: Sequence[Outgoing]) -> None:
    """See ``Tx.send_out``; a key names a customer, so all but the topic is sealed."""
    seal = context.master.records.seal
    rows = [{"topic": one.topic, "sealed": seal(b"outgoing", pack((one.id, one.key, one.body)))} for one in records]
    _SEND.write(context.connection, rows)


def going_out(context: Context, limit: int) -> list[tuple[int, Outgoing]]:
    """See ``Tx.going_out``."""
    if context.shared and not _mine(context):
        return []
    opened = context.master.records.open
    found = []
    for row in context.connection.execute(_OLDEST.limit(limit)):
        name, key, body = _body(opened(b"outgoing", row.sealed))
        found.append((row.number, Outgoing(id=name, topic=row.topic, key=key, body=body)))
    return found


def _mine(context: Context) -> bool:
    return bool(context.connection.execute(_MINE, {"key": _SENDING}).scalar_one())


def gone_out(context: Context, numbers: Collection[int]) -> None:
    """See ``Tx.gone_out``."""
    context.connection.execute(_GONE, {"ids": listed(numbers)})


def secret(context: Context, name: str) -> bytes:
    """See ``Tx.secret``; the first of several processes makes it, sealed with the master key."""
    kept = select(t.meta.c.value).where(t.meta.c.name == f"secret:{name}")
    key = context.master.records
    found = context.connection.execute(kept).scalar()
    if found is None:
        fresh = key.seal(b"secret", context.master.new_secret())
        _SECRET.write(context.connection, [{"name": f"secret:{name}", "value": fresh}])
        found = context.connection.execute(kept).scalar_one()
    return key.open(b"secret", found)
