"""The container starts what exists: its files, its settings, its port, its Python."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sojourn.bootstrap.settings import NAMES
from sojourn.web.app import ROUTES
from tools.build_hook import STARTER

ROOT = Path(__file__).parents[2]
SERVICE: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"][
    "sojourn"
]
RECIPE = SERVICE["build"]["dockerfile_inline"]
COPIED = [name for line in re.findall(r"^COPY (.*) \S+$", RECIPE, re.MULTILINE) for name in line.split()]


@pytest.mark.parametrize("name", COPIED)
def test_what_the_image_takes_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_image_takes_the_whole_project() -> None:
    assert set(STARTER) - {"agents"} <= set(COPIED)


def test_no_secret_gets_into_the_image() -> None:
    assert not {".", "./", "var", ".env"} & set(COPIED)


def test_its_settings_are_settings() -> None:
    assert set(SERVICE["environment"]) <= set(NAMES)


def test_only_this_machine_reaches_the_port_that_it_listens_on() -> None:
    port = SERVICE["environment"]["SOJOURN_LISTEN"].rpartition(":")[2]
    assert SERVICE["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_its_health_check_asks_an_address_that_is_served() -> None:
    (asked,) = re.findall(r"http://127\.0\.0\.1:8080(/\w+)", SERVICE["healthcheck"]["test"][-1])
    assert asked in {path for path, _, _ in ROUTES}


def test_its_python_is_one_we_run_on() -> None:
    least = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    (image,) = re.findall(r"^FROM python:(\S+)-slim$", RECIPE, re.MULTILINE)
    assert least == f">={image}"
