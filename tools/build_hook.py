"""Build hook of the wheel: packs the project folders of this repository as starter data.

A wheel holds them under `sojourn/starter/`. An editable install holds none: there the folders are read
where they lie, and a copy would go stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STARTER = ("journeys", "templates", "schemas", "agents", "sample", "rules.yaml", "parameters.yaml", "channels.yaml")


class StarterData(BuildHookInterface[Any]):
    """Puts each part of the starter into the wheel, and refuses to build a wheel that lacks one."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the starter's files to a standard wheel; `version` is the kind of build."""
        if version == "editable":
            return
        for name in STARTER:
            source = Path(self.root) / name
            if not source.exists():
                raise FileNotFoundError(f"the wheel needs {name} as starter data; it is not in {self.root}")
            for file in [source] if source.is_file() else sorted(source.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    target = Path("sojourn/starter") / file.relative_to(self.root)
                    build_data["force_include"][str(file)] = target.as_posix()
