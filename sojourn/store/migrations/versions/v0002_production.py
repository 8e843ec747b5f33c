"""What several processes on one database need: releases met, places, waivers, records that go out.

On PostgreSQL inbox and log become partitioned by month, and what is only appended is no longer checked against
the subject: the rows are written together with the customer's own, in one transaction.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables, and fill them for the data that is there."""
    op.add_column("part", sa.Column("release", sa.Integer()))
    op.execute("UPDATE part SET release = coalesce((SELECT max(number) FROM publication), 1) WHERE kind = 'hot'")
    op.add_column("due", sa.Column("place", sa.BigInteger(), nullable=False, server_default="0"))
    _fill_places()
    op.drop_index("outbox_ready", "outbox")
    op.add_column("outbox", sa.Column("waits", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(
        "outbox_ready",
        "outbox",
        ["channel", "lane", "waits", "ready_at", "message_id"],
        sqlite_where=sa.text("lease_until IS NULL"),
        postgresql_where=sa.text("lease_until IS NULL"),
    )
    op.add_column("position", sa.Column("moved_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("position", sa.Column("keyed", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("position", sa.Column("epoch", sa.String(), nullable=False, server_default=""))
    op.create_index("dead_letter_by_reason", "dead_letter", ["state", "reason", "number"])
    _new_tables()
    if op.get_bind().dialect.name == "postgresql":
        _for_many_processes()


def _new_tables() -> None:
    count = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "outgoing",
        sa.Column("number", count, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "waiver",
        sa.Column("seq", count, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("waiver_by_source", "waiver", ["source", "seq"])
    op.create_table(
        "turn",
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journey"),
    )


def _fill_places() -> None:
    """Where the customers who are due have their place: their ids are sealed, so the program has to open them."""
    connection = op.get_bind()
    due = sa.table("due", sa.column("subject"), sa.column("place"))
    subjects: list[int] = list(connection.execute(sa.select(due.c.subject)).scalars())
    places = context.config.attributes["places"](subjects)
    change = due.update().where(due.c.subject == sa.bindparam("s")).values(place=sa.bindparam("p"))
    if places:
        connection.execute(change, [{"s": subject, "p": place} for subject, place in places.items()])


_SEALED = {"part": "body", "run": "body", "inbox": "raw", "log": "sealed", "outbox": "sealed", "outgoing": "sealed"}
_UPDATED = ("part", "due", "outbox", "message", "run", "position")
_PIECES = {"inbox": "arrival", "log": "decided_at"}
_INDEXES = (
    "CREATE INDEX inbox_by_subject ON inbox (subject, seq)",
    "CREATE INDEX ix_inbox_arrival ON inbox (arrival)",
    "CREATE INDEX log_seq ON log (seq)",
    "CREATE INDEX log_by_subject ON log (subject, seq)",
    "CREATE INDEX log_by_journey ON log (journey, seq)",
    "CREATE INDEX log_by_status ON log (status, seq)",
    "CREATE INDEX log_by_message ON log (message_id, seq)",
)


def _for_many_processes() -> None:
    for table, column in _PIECES.items():
        _into_pieces(table, column)
    for statement in _INDEXES:
        op.execute(statement)
    for table in ("part", "run", "tomb", "due", "conflict", "outbox", "attempt", "message", "search"):
        op.drop_constraint(f"{table}_subject_fkey", table, type_="foreignkey")
    for table in _UPDATED:  # room for a new version of a row beside the old one
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 80)")
    for table, column in _SEALED.items():  # sealed bytes cannot be compressed
        op.execute(f"ALTER TABLE {table} ALTER {column} SET STORAGE EXTERNAL")


def _into_pieces(table: str, column: str) -> None:
    """Cut a table into months; the numbers go on where they were."""
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_whole")
    op.execute(f"CREATE TABLE {table} (LIKE {table}_whole INCLUDING DEFAULTS) PARTITION BY RANGE ({column})")
    op.execute(f"ALTER SEQUENCE {table}_seq_seq OWNED BY {table}.seq")
    found = op.get_bind().execute(sa.text(f"SELECT DISTINCT {column} / 86400000 FROM {table}_whole"))  # noqa: S608
    days: list[int] = list(found.scalars())
    context.config.attributes["pieces"](table, [day * 86_400_000 for day in days])
    op.execute(f"INSERT INTO {table} SELECT * FROM {table}_whole")  # noqa: S608
    op.execute(f"SELECT setval('{table}_seq_seq', max(seq)) FROM {table} HAVING max(seq) > 0")  # noqa: S608
    op.execute(f"DROP TABLE {table}_whole")
