"""The history of the schema, run by Alembic; expand first, contract in a later release."""
