"""The Store protocol and its twins: SQLite and memory."""
