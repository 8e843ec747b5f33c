"""The tables. An internal random subject id stands in every row; what identifies a person is sealed.

Large bodies and counters that indexes need are kept apart: the due time has a narrow table of its own, an
order waits in the outbox only until it is settled, and where a message stands is a row of ``message``.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)

META = MetaData()
# SQLite counts rows by itself only where the column is INTEGER; PostgreSQL wants BIGINT.
Count = BigInteger().with_variant(Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Index only rows of which the condition holds."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _subject(*, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column("subject", Count, ForeignKey("subject.subject"), nullable=nullable, index=index)


subject = Table(
    "subject",
    META,
    Column("subject", Count, primary_key=True, autoincrement=False),
    Column("customer_hash", String(32), unique=True),  # these three are null once the person is erased
    Column("customer", LargeBinary),
    Column("wrapped", LargeBinary),
    Column("erased_at", BigInteger),
)

part = Table(
    "part",
    META,
    Column("subject", Count, ForeignKey("subject.subject"), primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),  # hot, profile, memory
    Column("format", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),  # counts on the hot part: the customer's revision
    Column("body", LargeBinary, nullable=False),
    Column("release", Integer),  # on the hot part: the newest release that the customer has met
    sqlite_with_rowid=False,
)

run = Table(
    "run",
    META,
    Column("subject", Count, ForeignKey("subject.subject"), primary_key=True, autoincrement=False),
    Column("run_id", String(32), primary_key=True),
    Column("journey", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", String, nullable=False),
    Column("ended", String),
    Column("format", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("run_by_version", "journey", "version", "subject"),
    sqlite_with_rowid=False,
)

tomb = Table(
    "tomb",
    META,
    Column("key_hash", String(32), primary_key=True),  # of subject, journey and key
    _subject(index=True),
    Column("journey", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("sent", BigInteger),
    sqlite_with_rowid=False,
)

due = Table(
    "due",
    META,
    Column("subject", Count, ForeignKey("subject.subject"), primary_key=True, autoincrement=False),
    Column("lane", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False, server_default="0"),  # place_of(customer)
    Index("due_order", "lane", "due", "subject"),
)

inbox = Table(
    "inbox",
    META,
    Column("seq", Count, primary_key=True),
    Column("event_id", String, nullable=False, unique=True),
    _subject(),
    Column("type", String, nullable=False),
    Column("source", String, nullable=False),
    Column("position", BigInteger),
    Column("occurred", BigInteger, nullable=False),
    Column("arrival", BigInteger, nullable=False, index=True),
    Column("entity_type", String),
    Column("trace_id", String),
    Column("digest", LargeBinary, nullable=False),
    Column("raw", LargeBinary),
    Index("inbox_by_subject", "subject", "seq"),
)

conflict = Table(
    "conflict",
    META,
    Column("seq", Count, primary_key=True),
    Column("event_id", String, nullable=False),
    _subject(index=True),
    Column("type", String, nullable=False),
    Column("source", String, nullable=False),
    Column("position", BigInteger),
    Column("occurred", BigInteger, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("entity_type", String),
    Column("trace_id", String),
    Column("raw", LargeBinary),
)

dead_letter = Table(
    "dead_letter",
    META,
    Column("number", Count, primary_key=True),
    Column("state", String(8), nullable=False),
    Column("closed_at", BigInteger),
    Column("source", String, nullable=False),
    Column("position", BigInteger),
    Column("arrival", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("customer_hash", String(32), index=True),
    Column("sealed", LargeBinary),  # detail, event id, type, customer, raw; null once the person is erased
    Index("dead_letter_by_state", "state", "number"),
    Index("dead_letter_by_reason", "state", "reason", "number"),
)

outbox = Table(
    "outbox",
    META,
    Column("message_id", String, primary_key=True),
    _subject(index=True),
    Column("kind", String(8), nullable=False),  # deliver, call
    Column("channel", String, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("ready_at", BigInteger, nullable=False),
    Column("until", BigInteger),  # the verdict's; null: a call, which needs none
    Column("revision", BigInteger),  # the customer's at the verdict
    Column("attempt", Integer, nullable=False),
    Column("lease_until", BigInteger),
    Column("worker", String),
    Column("sealed", LargeBinary, nullable=False),
    Column("waits", Integer, nullable=False, server_default="0"),  # 1: marketing and care, which a late intake stops
    Index("outbox_ready", "channel", "lane", "waits", "ready_at", "message_id", **_where("lease_until IS NULL")),
    Index("outbox_leased", "lease_until", **_where("lease_until IS NOT NULL")),
)

attempt = Table(
    "attempt",
    META,
    Column("seq", Count, primary_key=True),
    Column("message_id", String, nullable=False, index=True),
    _subject(nullable=True),
    Column("channel", String, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("outcome", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("reference", String, index=True),
    Column("text", LargeBinary),
)

log = Table(
    "log",
    META,
    Column("seq", Count, primary_key=True),
    _subject(),
    Column("message_id", String, nullable=False),
    Column("run_id", String),
    Column("journey", String, nullable=False),
    Column("journey_version", Integer, nullable=False),
    Column("step", String),
    Column("template", String),
    Column("template_version", Integer),
    Column("locale", String),
    Column("channel", String),
    Column("klass", String),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("due_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("handed_over_at", BigInteger),
    Column("next_at", BigInteger),
    Column("event_id", String),
    Column("trace_id", String),
    Column("proof", LargeBinary),  # HMAC of the rendered content
    Column("sealed", LargeBinary),  # key, detail, anchor, subject, text, html
    Index("log_by_subject", "subject", "seq"),
    Index("log_by_journey", "journey", "seq"),
    Index("log_by_status", "status", "seq"),
    Index("log_by_message", "message_id", "seq"),
)

message = Table(
    "message",
    META,
    Column("message_id", String, primary_key=True),
    _subject(),
    Column("journey", String, nullable=False),
    Column("channel", String),
    Column("klass", String),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("at", BigInteger, nullable=False),
    Column("next_at", BigInteger),
    Column("seq", Count, nullable=False),  # of its last row in the log
    Index("message_by_status", "status", "seq"),
)

search = Table(
    "search",
    META,
    Column("hash", String(32), primary_key=True),
    Column("subject", Count, ForeignKey("subject.subject"), primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)

position = Table(
    "position",
    META,
    Column("source", String, primary_key=True),
    Column("next", BigInteger, nullable=False),
    Column("stored_to", BigInteger, nullable=False),
    Column("moved_at", BigInteger, nullable=False, server_default="0"),
    Column("keyed", Integer, nullable=False, server_default="1"),
    Column("epoch", String, nullable=False, server_default=""),
)

waiver = Table(
    "waiver",
    META,
    Column("seq", Count, primary_key=True),
    Column("source", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", String, nullable=False),
    Index("waiver_by_source", "source", "seq"),
)

outgoing = Table(
    "outgoing",
    META,
    Column("number", Count, primary_key=True),
    Column("topic", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # id, key, body
)

turn = Table(
    "turn",
    META,
    Column("journey", String, primary_key=True),
    Column("next", BigInteger, nullable=False),  # microseconds
)

publication = Table(
    "publication",
    META,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("running", String(8), nullable=False),
    Column("digest", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

meta = Table(
    "meta",
    META,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
