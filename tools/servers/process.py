"""A server as a child process: started, watched, killed, frozen, and gone when its parent is gone.

`Server` knows no product; kafka.py and postgres.py say what is run and when it is ready.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Self

# Below the range from which the system takes ports for outgoing connections. A port of that range may be taken by
# a client while its server is down, even by one that connects to itself.
_PORTS = range(19_000, 32_000)
_TRAMPOLINE = Path(__file__).with_name("trampoline.py")

# Linux ends a child when the *thread* that made it ends; this one lives as long as the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")


class ServerError(RuntimeError):
    """A server did not do what was asked; the message ends with the last lines of its log where it has any."""


def free_port() -> int:
    """A port on loopback that nobody listens to now, outside the range of outgoing connections."""
    chosen = random.SystemRandom()
    for _ in range(200):
        port = chosen.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerError(f"no free port between {_PORTS.start} and {_PORTS.stop} on 127.0.0.1")


def listening(port: int) -> bool:
    """Whether somebody takes connections at `port` of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """One server process in one folder. Subclasses give the command, readiness and the signal for a clean end."""

    name: ClassVar[str] = "server"
    clean_end: ClassVar[signal.Signals] = signal.SIGTERM
    # How long a start is tried again: the last of killed processes may hold port or memory for a moment.
    patience_s: ClassVar[float] = 0

    def __init__(self, folder: Path | str | None, *, account: str = "") -> None:
        """Takes `folder` (made when missing), or a scratch folder without one; `account` runs it as another user.

        `environment` begins as that of this process; what is changed in it counts from the next start.
        """
        self._scratch = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix=f"sojourn-{self.name}-")).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "server.log"
        self.environment = dict(os.environ)
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        self._before = 0

    # What a subclass says.

    def prepare(self) -> None:
        """Makes the data before the first start; called before every start."""

    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether the server takes work."""
        raise NotImplementedError

    # What everybody uses.

    @property
    def running(self) -> bool:
        """Whether the process lives; a frozen one does."""
        return self._alive()

    @property
    def pid(self) -> int:
        """The process id; raises ServerError when it does not run."""
        if self._process is None or not self.running:
            raise ServerError(f"{self.name} in {self.folder} does not run")
        return self._process.pid

    def start(self, timeout_s: float = 60) -> Self:
        """Starts the server with the data that it has and returns when it takes work."""
        if self.running:
            return self
        self.prepare()
        begin = time.monotonic()
        self._launch()
        while not self.ready():
            if not self._alive():
                if time.monotonic() > begin + min(self.patience_s, timeout_s / 2):
                    raise ServerError(f"{self.name} ended while it started:\n{self.tail()}")
                time.sleep(0.2)
                self._launch()
            elif time.monotonic() > begin + timeout_s:
                self.kill9()
                raise ServerError(f"{self.name} was not ready within {timeout_s} s:\n{self.tail()}")
            time.sleep(0.05)
        return self

    def stop(self, timeout_s: float = 30) -> None:
        """Ends the server cleanly, its data kept; kills it when that takes longer than `timeout_s`."""
        if self._process is None or not self.running:
            return
        self.thaw()
        self._process.send_signal(self.clean_end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        self.kill9()

    def kill9(self) -> None:
        """Kills the server and its children at once, as a power cut of its own would; data and port are kept."""
        if self._process is None:
            return
        family = descendants(self._process.pid) if self.running else []
        if self.running:
            self._process.kill()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._frozen = []
        # A killed process is gone only when the kernel has cleaned up after it.
        end = time.monotonic() + 5
        while any(lives(pid) for pid in family) and time.monotonic() < end:
            time.sleep(0.005)

    def restart(self) -> Self:
        """Ends it cleanly and starts it again on the same port with the same data."""
        self.stop()
        return self.start()

    def freeze(self) -> None:
        """Stops the server and its children in mid-step (SIGSTOP): it answers nobody and closes nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        self._frozen = [self.pid]
        for pid in descendants(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self._frozen.append(pid)

    def thaw(self) -> None:
        """Lets a frozen server go on; nothing happens to one that was not frozen."""
        for pid in reversed(self._frozen):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen = []

    def discard(self) -> None:
        """Ends the server at once and removes its folder with all data."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self) -> str:
        """What the running process wrote to its log since it was started."""
        with self.log.open("rb") as log:
            log.seek(self._before)
            return log.read().decode("utf-8", errors="replace")

    def tail(self, characters: int = 3000) -> str:
        """The end of the log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:] if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._scratch:
            self.discard()
        else:
            self.stop()

    # Below.

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _launch(self) -> None:
        with self.log.open("ab") as log:
            command = self._as_account(self.command())
            start: Callable[[], subprocess.Popen[bytes]] = lambda: subprocess.Popen(  # noqa: E731
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env=self.environment,
            )
            self._before = log.tell()
            self._process = _starter.submit(start).result()

    def _as_account(self, command: Sequence[str]) -> list[str]:
        return [sys.executable, "-I", "-S", str(_TRAMPOLINE), str(os.getpid()), self._account, *command]


def lives(pid: int) -> bool:
    """Whether a process still does something, as Linux tells; one that ended unasked-for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """The children of a process, their children and so on, as Linux tells; nothing where there is no /proc."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "pid (name, which may hold anything) state parent ..."
            parent = int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found
