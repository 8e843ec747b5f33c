"""Checks of this machine and of the project folder: settings, keys, disk, time zones, calendar."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from sojourn.bootstrap.doctor.finding import Finding, Site, error, note, ok, warning
from sojourn.bootstrap.settings import Settings
from sojourn.core.zones import local_date

_AHEAD_DAYS: Final = 92  # from 1 October on the next year's calendar is wanted (Q41)
_LOW_BYTES: Final = 2 * 1024**3
_NONE_BYTES: Final = 200 * 1024**2
_OLD_ZONES: Final = timedelta(days=550)
_OTHERS_READ: Final = 0o077
_ZONES: Final[str] = import_module("tzdata").IANA_VERSION  # the package has no types


async def settings(site: Site) -> list[Finding]:
    """Settings that are dangerous: open to the network without a key or a cipher, secrets that others can read."""
    found = [*_listen(site.settings), *_plain_ways(site.settings), *_open_files(site.settings)]
    return found or [ok("settings", "The settings are safe")]


def _listen(given: Settings) -> Iterator[Finding]:
    if is_loopback(given.listen.host):
        return
    if given.api_key is None:
        yield warning(
            "settings",
            "HTTP listens beyond this machine and its API key was made by the engine",
            "Set SOJOURN_API_KEY or SOJOURN_API_KEY_FILE, and let only a proxy with TLS reach the port",
            listen=f"{given.listen.host}:{given.listen.port}",
        )
    else:
        yield note(
            "settings",
            "HTTP listens beyond this machine without TLS of its own",
            "Let only a proxy with TLS reach the port",
            listen=f"{given.listen.host}:{given.listen.port}",
        )


def _plain_ways(given: Settings) -> Iterator[Finding]:
    """Ways that leave this machine without a cipher; messages hold names and addresses."""
    for name, url, safe in (
        ("SMTP", given.smtp, "smtps"),
        ("SMS", given.sms, "https"),
        ("CALLS", given.calls, "https"),
    ):
        parts = urlsplit(_text(url))
        if parts.hostname and parts.scheme != safe and not is_loopback(parts.hostname):
            yield warning(
                "settings",
                "A provider is spoken to without TLS: whoever listens on the way reads the messages",
                f"Name it as {safe}://",
                setting=f"SOJOURN_{name}",
            )
    hosts = [one.strip().rpartition(":")[0] for one in (given.kafka or "").split(",")]
    away = [host for host in hosts if host and not is_loopback(host)]
    if away and given.kafka_protocol in ("plaintext", "sasl_plaintext"):
        yield warning(
            "settings",
            "Brokers are spoken to without TLS: whoever listens on the way reads the events",
            "Set SOJOURN_KAFKA_PROTOCOL to ssl or sasl_ssl",
            protocol=given.kafka_protocol,
        )


def _open_files(given: Settings) -> Iterator[Finding]:
    """Secrets in files that other users of this machine can read."""
    names = (given.project / ".env", given.var / "master.key", given.var / "api.key", given.var / "links.key")
    for path in (*names, given.kafka_key):
        if path is not None and path.is_file() and path.stat().st_mode & _OTHERS_READ:
            yield warning(
                "settings",
                "A file of secrets can be read by other users of this machine",
                f"chmod 600 {path.name}",
                file=path.name,
            )


async def clock(site: Site) -> list[Finding]:
    """The clock of this machine, as far as it can be judged from here: never before the release of the zone data."""
    now = datetime.fromtimestamp(site.clock() / 1000, UTC)
    made = _zones_date()
    if made is not None and now < made:
        return [
            error(
                "clock",
                "The clock of this machine is behind the day on which its time zone data were made",
                "Set the clock and let NTP keep it",
                now=now.isoformat(timespec="seconds"),
            )
        ]
    return [ok("clock", "The clock of this machine is plausible", now=now.isoformat(timespec="seconds"))]


async def zones(site: Site) -> list[Finding]:
    """The data of time zones that local times are computed with (the package tzdata, never the machine's)."""
    made = _zones_date()
    now = datetime.fromtimestamp(site.clock() / 1000, UTC)
    if made is not None and now - made > _OLD_ZONES:
        return [
            warning(
                "time zones",
                "The time zone data are old: a country may have changed its clock since",
                "Install a newer tzdata in every process of this engine at once",
                tzdata=_ZONES,
            )
        ]
    return [ok("time zones", "The time zone data are recent", tzdata=_ZONES)]


def _zones_date() -> datetime | None:
    """The year of a version such as 2025b; that it was made in January at the earliest is all that it says."""
    year = _ZONES[:4]
    return datetime(int(year), 1, 1, tzinfo=UTC) if year.isdigit() else None


async def disk(site: Site) -> list[Finding]:
    """Space where the engine keeps its own files, and its database in embedded mode."""
    given = site.settings
    folders = {"var": given.var}
    if not given.shared:
        folders["database"] = given.database_file.parent
    found = [await asyncio.to_thread(_space, name, path) for name, path in folders.items()]
    return list({(one.what, one.data.get("free_mb")): one for one in found}.values())


def _space(name: str, path: Path) -> Finding:
    there = next((one for one in (path, *path.absolute().parents) if one.is_dir()), Path("/"))
    free = shutil.disk_usage(there).free
    megabytes = free // 1024**2
    if free < _NONE_BYTES:
        return error("disk", "The disk is full", "Free space: nothing can be stored", folder=name, free_mb=megabytes)
    if free < _LOW_BYTES:
        return warning("disk", "Little space is left", "Free space, or grow the disk", folder=name, free_mb=megabytes)
    return ok("disk", "There is space", folder=name, free_mb=megabytes)


async def project(site: Site) -> list[Finding]:
    """The project folder checks, and its calendar has the years that come."""
    loaded, errors = await site.project()
    if loaded is None:
        return [
            error(
                "project",
                "The project folder has errors; what was released before stays in force",
                "`sojourn check` names each with its place",
                errors=errors,
            )
        ]
    today = local_date(site.clock(), loaded.calendar.zone)
    missing = sorted({today.year, (today + timedelta(days=_AHEAD_DAYS)).year} - loaded.calendar.official)
    found = [ok("project", "The project folder has no errors", journeys=len(loaded.journeys))]
    if missing:
        found.append(
            warning(
                "calendar",
                "A year has no official calendar: business days and festivals in it are guessed by weekday",
                "Put the official notice into schemas/calendar.yaml and release",
                years=missing,
            )
        )
    else:
        found.append(ok("calendar", "The official calendar reaches far enough", years=sorted(loaded.calendar.official)))
    return found


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _text(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()
