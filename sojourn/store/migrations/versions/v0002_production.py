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
    _new_tables()


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


def _fill_places() -> None:
    """Where the customers who are due have their place: their ids are sealed, so the program has to open them."""
    connection = op.get_bind()
    due = sa.table("due", sa.column("subject"), sa.column("place"))
    subjects: list[int] = list(connection.execute(sa.select(due.c.subject)).scalars())
    places = context.config.attributes["places"](subjects)
    change = due.update().where(due.c.subject == sa.bindparam("s")).values(place=sa.bindparam("p"))
    if places:
        connection.execute(change, [{"s": subject, "p": place} for subject, place in places.items()])
