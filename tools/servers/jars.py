"""The jars of Kafka: fetched once from Maven by jgo, checked against pinned hashes, kept under build/.

`jars.sha256` beside this file names each jar with its SHA-256, as requirements/*.txt do for Python.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from tools.servers.process import ServerError

KAFKA_VERSION = "4.3.0"
# The second one writes the broker's log; Kafka's own list of needs names none.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
LOCK = Path(__file__).with_name("jars.sha256")
FOLDER = Path(__file__).resolve().parent.parent.parent / "build" / "servers" / f"kafka-{KAFKA_VERSION}"


class MissingJarsError(ServerError):
    """The jars of Kafka are not on this machine."""


def jars() -> list[Path]:
    """The jars that make a broker, in the order of their names; raises MissingJarsError where they are not here."""
    found = [FOLDER / name for name in _pinned()]
    missing = [jar.name for jar in found if not jar.is_file()]
    if missing:
        raise MissingJarsError(f"{len(missing)} of {len(found)} jars of Kafka are not in {FOLDER}: say `make servers`.")
    return found


def fetch() -> None:
    """Brings the pinned jars to this machine, or does nothing when they are here.

    A jar that is not pinned, or whose hash is another, is refused, and nothing of the download is kept.
    """
    try:
        jars()
    except MissingJarsError:
        print(f"Fetching Kafka {KAFKA_VERSION} (once, about ten seconds) ...", flush=True)
    else:
        return
    scratch = FOLDER.with_name(f"{FOLDER.name}.{os.getpid()}")
    try:
        _check(_resolve(scratch), _pinned())
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        (scratch / "jars").rename(FOLDER)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def pin() -> None:
    """Writes jars.sha256 anew from what Maven has for ENDPOINT; for whoever raises the version."""
    scratch = FOLDER.with_name(f"{FOLDER.name}.{os.getpid()}")
    try:
        found = _resolve(scratch)
        LOCK.write_text("".join(f"{_sha256(jar)}  {jar.name}\n" for jar in found), encoding="utf-8")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _resolve(scratch: Path) -> list[Path]:
    """Downloads the broker with all it needs into `scratch`/jars."""
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=scratch / "maven", timeout=120)
    builder = EnvironmentBuilder(context=context, cache_dir=scratch / "cache", link_strategy=LinkStrategy.COPY)
    environment = builder.from_endpoint(ENDPOINT)
    target = scratch / "jars"
    target.mkdir(parents=True)
    for jar in Path(environment.path).rglob("*.jar"):
        shutil.move(jar, target / jar.name)
    return sorted(target.iterdir())


def _check(found: list[Path], pinned: dict[str, str]) -> None:
    got = {jar.name: _sha256(jar) for jar in found}
    if got != pinned:
        wrong = sorted(set(got.items()) ^ set(pinned.items()))
        names = ", ".join(sorted({name for name, _ in wrong}))
        raise ServerError(f"Maven gave other jars than {LOCK.name} pins: {names}. Nothing was kept.")


def _pinned() -> dict[str, str]:
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
