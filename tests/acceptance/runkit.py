"""The real commands as processes: `sojourn run` in a project of its own, and one-shot commands."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
SOJOURN = str(Path(sys.executable).with_name("sojourn"))
KEY = "a-synthetic-key"
PARTS = ("journeys", "templates", "schemas", "rules.yaml", "parameters.yaml", "channels.yaml", "sample")


def insurer(folder: Path) -> Path:
    """Give a copy of the reference insurer's project."""
    folder.mkdir(parents=True)
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def environment(**more: str) -> dict[str, str]:
    """Give the environment of a command: nothing of Sojourn's but what a test says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
    return kept | {"COLUMNS": "200"} | more


class Ended(NamedTuple):
    """What a command left."""

    status: int
    out: str
    err: str


def command(*words: str, cwd: Path | None = None, given: bytes = b"", **env: str) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [SOJOURN, *words],
        cwd=cwd or ROOT,
        input=given,
        capture_output=True,
        env=environment(**env),
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)


class Running:
    """`sojourn run`, ready."""

    def __init__(self, project: Path, *options: str, **env: str) -> None:
        self.project = project
        self.errors = project / "stderr.log"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [SOJOURN, "run", *options, "--project", str(project)],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(**({"SOJOURN_LISTEN": "127.0.0.1:0", "SOJOURN_API_KEY": KEY} | env)),
            )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.url: str = self.ready["url"]

    @property
    def said(self) -> str:
        """What it wrote to standard error."""
        return self.errors.read_text(encoding="utf-8")

    def get(self, path: str, **headers: str) -> Answer:
        """GET an address; errors are answers, too."""
        return self.ask(Request(self.url + path, headers=headers))

    def log(self, query: str = "") -> Answer:
        """GET the log with the key."""
        return self.get(f"/v1/log{query}", Authorization=f"Bearer {KEY}")

    def post(self, body: bytes, kind: str = "application/json", key: str = KEY, **headers: str) -> Answer:
        """POST events."""
        shown = {"Authorization": f"Bearer {key}", "Content-Type": kind, **headers}
        return self.ask(Request(f"{self.url}/v1/events", data=body, headers=shown))

    @staticmethod
    def ask(request: Request) -> Answer:
        """Ask and take every answer as one."""
        try:
            with urlopen(request, timeout=20) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def until(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something holds, at most so long."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"it did not come to pass; stderr: {self.said[-2000:]}"
            time.sleep(0.1)

    def stop(self) -> int:
        """Ask for an end and give the status; it must come within ten seconds."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=10)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextlib.contextmanager
def running(project: Path, *options: str, **env: str) -> Iterator[Running]:
    """Run the engine while the block lasts."""
    engine = Running(project, *options, **env)
    try:
        yield engine
    finally:
        engine.kill()


def event(number: int, kind: str = "claim.filed", customer: str = "C-900001", **more: Any) -> dict[str, Any]:
    """Give an event of a synthetic customer."""
    payload = {
        "claim_id": f"K-{number}", "claim_no": f"LP{number}", "policy_id": "P-1", "claim_type": "medical",
        "claimed_cny": "900.00", "filed_via": "app", "docs_needed": ["invoice"],
    }  # fmt: skip
    return {
        "event_id": f"E-{number}",
        "type": kind,
        "occurred_at": "2026-03-08T20:00:00+08:00",
        "source": "Claims",
        "customer_id": customer,
        "entity": {"type": "claim", "id": f"K-{number}", "seq": 1},
        "payload": payload,
    } | more


def person(customer: str = "C-900001", **fields: Any) -> dict[str, Any]:
    """Give the event by which a synthetic customer becomes known."""
    profile = {
        "name": "测试客户", "salutation_zh": "测女士", "salutation_en": "Ms Test", "language": "zh-CN",
        "mobile": "+8613800009999", "email": "test@example.com", "timezone": "Asia/Shanghai",
    } | fields  # fmt: skip
    more = {"payload": {"changed": sorted(profile), "profile": profile}, "entity": None}
    return event(0, "customer.updated", customer, event_id=f"P-{customer}", **more)


def as_bytes(value: Any) -> bytes:
    """Give a value as JSON bytes."""
    return json.dumps(value, ensure_ascii=False).encode()
