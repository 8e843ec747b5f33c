"""A SQLite store in a folder, for the tests of what is SQLite's own."""

from pathlib import Path

from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore
from tests.contract.storekit import (
    Clock,
)

FILE = "sojourn.db"


def make(folder: Path, busy_ms: int = 50) -> SqliteStore:
    """Give the store of a folder, not yet open."""
    return SqliteStore(folder / FILE, master_key(folder / "master.key", create=True), Clock(), busy_ms)


def written(folder: Path) -> bytes:
    """Give all that stands in the files of a store."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob(FILE + "*")))
