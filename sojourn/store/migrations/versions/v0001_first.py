"""The first schema.

A step says its tables out in full: it must give the same schema for ever, whatever tables.py becomes.
There is no way down: a database goes back by restoring the copy that was made before the upgrade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables of the first release."""
    count = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "dead_letter",
        sa.Column("number", count, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("customer_hash", sa.String(length=32)),
        sa.Column("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("dead_letter_by_state", "dead_letter", ["state", "number"])
    op.create_index("ix_dead_letter_customer_hash", "dead_letter", ["customer_hash"])
    op.create_table(
        "meta",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "position",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("stored_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "publication",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("running", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "subject",
        sa.Column("subject", count, autoincrement=False, nullable=False),
        sa.Column("customer_hash", sa.String(length=32)),
        sa.Column("customer", sa.LargeBinary()),
        sa.Column("wrapped", sa.LargeBinary()),
        sa.Column("erased_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("subject"),
        sa.UniqueConstraint("customer_hash"),
    )
    op.create_table(
        "attempt",
        sa.Column("seq", count, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("subject", count),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("reference", sa.String()),
        sa.Column("text", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_attempt_message_id", "attempt", ["message_id"])
    op.create_index("ix_attempt_reference", "attempt", ["reference"])
    op.create_table(
        "conflict",
        sa.Column("seq", count, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("subject", count, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("occurred", sa.BigInteger(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.Column("entity_type", sa.String()),
        sa.Column("trace_id", sa.String()),
        sa.Column("raw", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_conflict_subject", "conflict", ["subject"])
    op.create_table(
        "due",
        sa.Column("subject", count, autoincrement=False, nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index("due_order", "due", ["lane", "due", "subject"])
    op.create_table(
        "inbox",
        sa.Column("seq", count, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("subject", count, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("occurred", sa.BigInteger(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.Column("entity_type", sa.String()),
        sa.Column("trace_id", sa.String()),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("inbox_by_subject", "inbox", ["subject", "seq"])
    op.create_index("ix_inbox_arrival", "inbox", ["arrival"])
    op.create_table(
        "log",
        sa.Column("seq", count, nullable=False),
        sa.Column("subject", count, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String()),
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("journey_version", sa.Integer(), nullable=False),
        sa.Column("step", sa.String()),
        sa.Column("template", sa.String()),
        sa.Column("template_version", sa.Integer()),
        sa.Column("locale", sa.String()),
        sa.Column("channel", sa.String()),
        sa.Column("klass", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("handed_over_at", sa.BigInteger()),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("event_id", sa.String()),
        sa.Column("trace_id", sa.String()),
        sa.Column("proof", sa.LargeBinary()),
        sa.Column("sealed", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("log_by_journey", "log", ["journey", "seq"])
    op.create_index("log_by_message", "log", ["message_id", "seq"])
    op.create_index("log_by_status", "log", ["status", "seq"])
    op.create_index("log_by_subject", "log", ["subject", "seq"])
    op.create_table(
        "message",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("subject", count, nullable=False),
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("channel", sa.String()),
        sa.Column("klass", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("seq", count, nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("message_by_status", "message", ["status", "seq"])
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("subject", count, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("revision", sa.BigInteger()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("worker", sa.String()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("ix_outbox_subject", "outbox", ["subject"])
    op.create_index("outbox_leased", "outbox", ["lease_until"], sqlite_where=sa.text("lease_until IS NOT NULL"))
    op.create_index(
        "outbox_ready",
        "outbox",
        ["channel", "lane", "ready_at", "message_id"],
        sqlite_where=sa.text("lease_until IS NULL"),
    )
    op.create_table(
        "part",
        sa.Column("subject", count, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("subject", "kind"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run",
        sa.Column("subject", count, autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("ended", sa.String()),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("subject", "run_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("run_by_version", "run", ["journey", "version", "subject"])
    op.create_table(
        "search",
        sa.Column("hash", sa.String(length=32), nullable=False),
        sa.Column("subject", count, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("hash", "subject"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_subject", "search", ["subject"])
    op.create_table(
        "tomb",
        sa.Column("key_hash", sa.String(length=32), nullable=False),
        sa.Column("subject", count, nullable=False),
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger()),
        sa.ForeignKeyConstraint(["subject"], ["subject.subject"]),
        sa.PrimaryKeyConstraint("key_hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tomb_subject", "tomb", ["subject"])
