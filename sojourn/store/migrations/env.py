"""How Alembic runs here: on the connection that the store hands over, in the store's transaction."""

from alembic import context

from sojourn.store.tables import META

context.configure(connection=context.config.attributes["connection"], target_metadata=META)
with context.begin_transaction():
    context.run_migrations()
