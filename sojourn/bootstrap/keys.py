"""Secrets that are made at the first start and kept in the project's var/ (readable by its owner alone)."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sojourn.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and whether it was made just now."""

    value: str
    is_new: bool


def kept(path: Path, prefix: str = "") -> Secret:
    """Give the secret of a file, or make one of 32 random bytes; whole or not at all, mode 0600.

    Raises:
        ConfigurationError: The folder cannot be written or the file not be read.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            made = prefix + secrets.token_urlsafe(32)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(made + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            return Secret(made, True)
        return Secret(path.read_text("ascii").strip(), False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "A secret of the project cannot be kept",
            file=path.name,
            problem=type(error).__name__,
            next_step="Make the project's var/ writable for this user",
        ) from error
