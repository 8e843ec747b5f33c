"""`make stack` as a newcomer meets it: it comes up, the sample arrives, a killed worker comes back, data stay."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tools.servers import PostgresServer
from tools.servers.process import lives

ROOT = Path(__file__).parents[2]


class Stack:
    """The stack as a child process; `lines` is what it has said."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tools.stack", "--folder", str(folder), "--port", "0", "--for", "240"]
        self._child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, pattern: str, seconds: float = 90) -> re.Match[str]:
        """The first thing said that matches, with all that was said when nothing does."""

        def said() -> re.Match[str] | None:
            return re.search(pattern, "\n".join(self.lines))

        until(lambda: said() is not None or not self._reader.is_alive(), seconds)
        found = said()
        assert found is not None, f"{pattern} not in:\n" + "\n".join(self.lines)
        return found

    def pids(self) -> list[int]:
        """The processes that it named."""
        return [int(pid) for pid in re.findall(r"process (\d+)", "\n".join(self.lines))]

    def stop(self) -> int:
        """Ctrl-C; gives the exit status."""
        self._child.send_signal(signal.SIGINT)
        try:
            return self._child.wait(60)
        finally:
            self._child.kill()
            self._reader.join(10)
            if self._child.stdout is not None:
                self._child.stdout.close()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.lines.append(line.rstrip("\n"))


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Waits until something holds, or the time is over."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)


async def page(address: str) -> str:
    """The text of a page."""
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return await answer.text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the stack keeps its things."""
    return tmp_path / "stack"


async def test_the_stack_comes_up_survives_a_kill_and_keeps_its_data(folder: Path) -> None:
    first = Stack(folder)
    try:
        inbox = first.wait_for(r"Inbox of the customers +(http://\S+)")[1]
        worker = int(first.wait_for(r"worker-1 \(process (\d+)\)")[1])
        first.wait_for(r"A sample of \d+ events was published")
        kept = folder / "inbox.ndjson"
        until(lambda: len(kept.read_bytes().splitlines()) >= 3, 60)
        messages = kept.read_bytes().splitlines()
        assert len(messages) >= 3
        shown = await page(inbox)
        assert any(json.loads(message)["text"][:12] in shown for message in messages)

        os.kill(worker, signal.SIGKILL)
        again = int(first.wait_for(r"worker-1 is back \(process (\d+)\)")[1])
        assert again != worker
    finally:
        status = first.stop()
    assert status == 0, "\n".join(first.lines)
    assert first.lines[-1].startswith("Stopped.")
    assert [pid for pid in first.pids() if lives(pid)] == []

    second = Stack(folder)
    try:
        second.wait_for(r"Ctrl-C stops everything")
    finally:
        status = second.stop()
        PostgresServer(folder / "postgres").discard()
    assert status == 0, "\n".join(second.lines)
    assert not any("sample" in line for line in second.lines)
    assert set(messages) <= set(kept.read_bytes().splitlines())
