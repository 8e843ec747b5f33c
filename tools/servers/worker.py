"""A `sojourn worker` as a process that can be killed, frozen and started again, like the servers around it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tools.servers.process import Server

_ENTRY = "from sojourn.cli.app import main; main()"


class SojournWorker(Server):
    """One worker on `project`. `url` is where its HTTP listens; it changes with each start.

    `settings` are environment variables (SOJOURN_KAFKA, SOJOURN_DATABASE, ...); nothing else with that prefix is
    handed on from this process. `roles`: all of them where none is named. `folder` holds its log. `program`: what
    is started in place of `sojourn worker`, with the same options; for a test that puts faults around one.
    """

    name: ClassVar[str] = "worker"

    def __init__(
        self,
        project: Path | str,
        settings: Mapping[str, str],
        folder: Path | str | None = None,
        *,
        roles: Sequence[str] = (),
        program: Sequence[str] = (),
    ) -> None:
        super().__init__(folder)
        self._project = Path(project).absolute()
        self._roles = ",".join(roles)
        self._program = list(program) or [sys.executable, "-c", _ENTRY, "worker"]
        self.environment = {name: value for name, value in self.environment.items() if not name.startswith("SOJOURN_")}
        self.environment |= {"SOJOURN_LISTEN": "127.0.0.1:0", **settings}
        self.url = ""

    def command(self) -> list[str]:
        roles = ["--roles", self._roles] if self._roles else []
        return [*self._program, "--project", str(self._project), *roles]

    def ready(self) -> bool:
        """Whether it has written the line that says where it listens."""
        for line in self.said().splitlines():
            if line.startswith("{") and '"ready"' in line:
                said = json.loads(line)
                if said.get("event") == "ready":
                    self.url = f"http://{said['listen']}"
                    return True
        return False
