"""A database as the first release left it, with data in every table that a later step touches."""

from alembic import command
from sqlalchemy import Connection, text

from sojourn.core.model import FORMAT
from sojourn.places import place_of
from sojourn.ports import Store
from sojourn.records import Partitions, Position
from sojourn.store.codec import pack, pack_order
from sojourn.store.migrate import config
from sojourn.store.sealing import Key, Master
from tests.contract.storekit import NOW, deliver, full_state

CUSTOMER = "C-000017"


def first_release(connection: Connection, master: Master) -> None:
    """Make the schema of the first release and put a customer, his history and the rest into it."""
    command.upgrade(config(connection), "0001")
    wrapped, key = master.new_key()
    _put(
        connection, "subject", subject=7, customer_hash=master.search("customer", CUSTOMER),
        customer=key.seal(b"customer", CUSTOMER.encode()), wrapped=wrapped,
    )  # fmt: skip
    _customer(connection, key)
    for n, arrival in enumerate((NOW, NOW + 40 * 86_400_000)):
        _put(
            connection, "inbox", seq=n + 1, event_id=f"e{n}", subject=7, type="premium.due", source="http",
            occurred=NOW, arrival=arrival, digest=master.digest(b"one"), raw=key.seal(b"inbox", b"{}"),
        )  # fmt: skip
        _put(
            connection, "log", seq=n + 1, subject=7, message_id=f"m{n}", journey="renewal", journey_version=1,
            status="sent", due_at=NOW, decided_at=arrival,
            sealed=key.seal(b"log", pack([{}, {}, None, None, None, None])),
        )  # fmt: skip
    _put(
        connection, "outbox", message_id="m9", subject=7, kind="deliver", channel="sms", lane=1, ready_at=NOW,
        until=NOW + 9, revision=4, attempt=0, sealed=key.seal(b"order", pack_order(deliver("m9"))),
    )  # fmt: skip
    _put(connection, "position", source="http", next=3, stored_to=NOW)
    for number in (1, 2):
        _put(connection, "publication", number=number, at=NOW, running="stay", digest="d", content=b"x")
    _put(connection, "meta", name="master", value=master.proof(b"this database"))


def _customer(connection: Connection, key: Key) -> None:
    state = full_state(CUSTOMER)
    for kind, part in (("hot", state.hot), ("profile", state.profile), ("memory", state.memory)):
        revision = 4 if kind == "hot" else 0
        body = key.seal(kind.encode(), pack(part))
        _put(connection, "part", subject=7, kind=kind, format=FORMAT, revision=revision, body=body)
    _put(connection, "due", subject=7, lane=1, due=NOW)


def _put(connection: Connection, table: str, **values: object) -> None:
    columns = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({places})"), values)


async def holds_first_release(store: Store) -> None:
    """Check that the program of today reads all of it, and can go on writing."""
    kept = await store.views.customer(CUSTOMER)
    assert kept is not None
    assert (kept.revision, kept.release, kept.due) == (4, 2, NOW)
    assert kept.state.profile == full_state(CUSTOMER).profile
    assert len((await store.views.timeline(CUSTOMER, 9)).moments) == 4
    assert await store.views.positions() == {"http": Position(3, NOW, 0, keyed=True)}
    async with store.transaction() as tx:
        partition = Partitions(6, frozenset({place_of(CUSTOMER) % 6}))
        assert [one.customer for one in await tx.due(NOW, 9, None, partition)] == [CUSTOMER]
        assert list(await tx.known([("e0", b"one"), ("e1", b"two"), ("e2", b"")])) == ["duplicate", "conflict", "new"]
        claimed = await tx.claim(NOW, {"sms": 1}, NOW + 1, "w", release=2)
        assert [one.order for one in claimed.orders] == [deliver("m9")]
