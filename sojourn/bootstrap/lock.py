"""One embedded engine a database: two would send twice. The lock goes with its process, however that ends."""

import fcntl
from pathlib import Path
from typing import TextIO

from sojourn.errors import ConfigurationError


class ProcessLock:
    """Held from ``take`` to ``release``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def take(self) -> None:
        """Take the lock, or raise ConfigurationError when another process has it or its file cannot be made."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a")
        except OSError as error:
            raise ConfigurationError(
                "The folder of the database cannot be written",
                lock=self._path.name,
                problem=error.strerror,
                next_step="Give the rights to it, or name another SOJOURN_DATABASE",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise ConfigurationError(
                "Another engine is running on this database",
                lock=self._path.name,
                next_step="Stop it first, or give this one another SOJOURN_DATABASE",
            ) from None
        self._file = file

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            self._file.close()
            self._file = None
