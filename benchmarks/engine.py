"""``sojourn run`` as a process for benchmarks: a copy of the project, SQLite in a throw-away folder, loopback only."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

_PARTS: Final = ("agents", "journeys", "templates", "schemas", "rules.yaml", "parameters.yaml")
_CHANNELS: Final = "sms: {at_once: 200}\nemail: {at_once: 64, from: bench@example.com}\ncalls: {at_once: 200}\n"
_KEY: Final = "benchmark"
_WAIT_S: Final = 120


class Running:
    """An engine that takes work; one connection each, so that every thread makes its own."""

    def __init__(self, address: str) -> None:
        self._where = address
        self._connection = HTTPConnection(self._where, timeout=_WAIT_S)

    def another(self) -> "Running":
        """Give a second connection to the same engine."""
        return Running(self._where)

    def post(self, lines: Sequence[bytes]) -> dict[str, Any]:
        """Post events as NDJSON and give the answer; they are stored and decided when it comes."""
        return self._ask("POST", "/v1/events", b"".join(lines), {"Content-Type": "application/x-ndjson"})

    def metric(self, name: str) -> float:
        """Give the value of one line of /metrics; 0 where it is not there yet."""
        for line in self._read("GET", "/metrics", None, {}).decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def rows(self, *, channel: str, **where: object) -> int:
        """Count the rows of the log that a filter and a channel find."""
        found, cursor = 0, ""
        while True:
            query = "&".join(f"{name}={value}" for name, value in {**where, "limit": 1000}.items())
            page = self._ask("GET", f"/v1/log?{query}{cursor}", None, {})
            found += sum(1 for row in page["rows"] if row["channel"] == channel)
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._read(method, path, body, headers))
        return told

    def _read(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        self._connection.request(method, path, body, {"Authorization": f"Bearer {_KEY}", **headers})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status not in (200, 202):
            raise SystemExit(f"{method} {path} gave {response.status}: {answer[:500]!r}")
        return answer


def copy_project(project: Path, home: Path) -> None:
    """Copy what a release is made of, and the agents, to a folder that is made."""
    home.mkdir()
    for part in _PARTS:
        source = project / part
        if source.is_dir():
            shutil.copytree(source, home / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, home / part)


@contextlib.contextmanager
def running(project: Path, folder: Path) -> Iterator[Running]:
    """Start gateway and engine, give the engine, and end both."""
    home = folder / "project"
    copy_project(project, home)
    (home / "channels.yaml").write_text(_CHANNELS)
    with child([sys.executable, "-m", "benchmarks.gateway"], {}, folder) as urls:
        environment = {
            "SOJOURN_LISTEN": "127.0.0.1:0", "SOJOURN_API_KEY": _KEY, "SOJOURN_SMS": urls["sms"],
            "SOJOURN_CALLS": urls["calls"], "SOJOURN_SMTP": urls["smtp"],
        }  # fmt: skip
        command = [str(Path(sys.executable).parent / "sojourn"), "run", "--project", str(home), "--no-sample"]
        with child(command, environment, folder) as ready:
            yield Running(ready["listen"])


@contextlib.contextmanager
def child(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """Run a process, give the JSON line with which it says that it is ready, and end it in any case."""
    with (folder / f"{Path(command[0]).name}.err").open("ab") as errors:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **environment}
        )
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            if not line:
                raise SystemExit(f"{command} did not start:\n{Path(errors.name).read_text()[-2000:]}")
            yield json.loads(line)
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
