"""Releases: the project's files as one blob in the store, from which every book is built again after a restart.

A release takes effect at an instant a little ahead, so that a running engine sees it in time (design.md,
"Publication"). Numbers follow from the stored list alone: the same list gives the same books.
"""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import msgspec

from sojourn.definitions.project import Project, load_project
from sojourn.definitions.publish import Change, Release, first_book, next_book
from sojourn.intake.releases import RELEASED, Released, Releases
from sojourn.ports import Store, StoreBroken
from sojourn.records import Move, Position, Published, RunCount

Running = Literal["stay", "move", "drain"]
LEAD_MS: Final = 5_000
_FOLDERS: Final = ("journeys", "templates", "schemas")
_FILES: Final = ("rules.yaml", "parameters.yaml", "topics.yaml")
_BLOB_LIMIT: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Packed:
    """A project's files: a digest of names and contents, and the blob that holds them."""

    digest: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Edition:
    """One release, loaded: its project and the book that it makes of the one before."""

    published: Published
    project: Project
    book: Release


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release would do: its number, what it changes, and who runs in the journeys that it changes."""

    number: int
    change: Change
    runs: tuple[RunCount, ...]
    packed: Packed

    @property
    def empty(self) -> bool:
        """Whether the folder is what the last release was."""
        return self.change.empty


def pack(folder: Path) -> Packed:
    """Give the files of a project folder that belong to a release; caches and hidden files are left out."""
    found = sorted(
        path
        for top in _FOLDERS
        for path in (folder / top).rglob("*")
        if path.is_file() and not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
    )
    found += [folder / name for name in _FILES if (folder / name).is_file()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    plain = msgspec.msgpack.encode(files)
    return Packed(sha256(plain).hexdigest(), zlib.compress(plain, 6))


def unpack(content: bytes, folder: Path) -> None:
    """Write the files of a release into an empty folder.

    Raises:
        StoreBroken: The blob is none of ours.
    """
    try:
        reader = zlib.decompressobj()
        plain = reader.decompress(content, _BLOB_LIMIT)
        if not reader.eof:
            raise zlib.error("cut short")
        files = msgspec.msgpack.decode(plain, type=dict[str, bytes])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StoreBroken("A stored release cannot be read", next_step="Restore the database from a copy") from error
    for name, body in files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise StoreBroken("A stored release names a file outside its folder", next_step="Restore a copy")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _lay_out(content: bytes, folder: Path) -> None:
    """Unpack a release where all processes of a host may look for it: whole or not at all, whoever is first."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        draft = Path(scratch) / "whole"
        draft.mkdir()
        unpack(content, draft)
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise


class Shelf:
    """The editions of a store, loaded in order; each once."""

    def __init__(self, var: Path) -> None:
        self._folder = var / "releases"
        self._editions: list[Edition] = []

    @property
    def editions(self) -> Sequence[Edition]:
        """All loaded editions, the oldest first."""
        return self._editions

    @property
    def releases(self) -> Releases:
        """The books of all loaded editions."""
        return Releases(
            tuple(
                Released(one.published.number, one.published.at, one.published.running, one.book)
                for one in self._editions
            )
        )

    def add(self, published: Published) -> Edition:
        """Load one more release, which must be the next one."""
        folder = self._folder / f"{published.number:05}-{published.digest[:12]}"
        if not folder.is_dir():
            _lay_out(published.content, folder)
        project = load_project(folder)
        before = self._editions[-1].book if self._editions else None
        book = first_book(project) if before is None else next_book(before, project, published.running)[0]
        edition = Edition(published, project, book)
        self._editions.append(edition)
        return edition

    async def catch_up(self, store: Store) -> Sequence[Edition]:
        """Load what the store has and the shelf has not; loading runs in a thread, it takes a second each."""
        async with store.transaction() as tx:
            published = await tx.publications()
        return [await asyncio.to_thread(self.add, one) for one in published[len(self._editions) :]]


async def plan(store: Store, shelf: Shelf, folder: Path, running: Running) -> Plan:
    """Check the folder and tell what releasing it would do, with the counts of running customers.

    Raises:
        DefinitionError: The folder has problems; all of them.
    """
    await shelf.catch_up(store)
    project = await asyncio.to_thread(load_project, folder)
    before = shelf.editions[-1].book if shelf.editions else None
    if before is None:
        change = Change(added=tuple(sorted(project.journeys)), templates_added=tuple(sorted(project.template_digests)))
    else:
        _, change = next_book(before, project, running)
    touched = {*change.changed, *change.removed}
    runs = tuple(one for one in await store.views.runs() if one.journey in touched)
    return Plan(len(shelf.editions) + 1, change, runs, pack(folder))


async def release(store: Store, planned: Plan, running: Running, lead_ms: int = LEAD_MS) -> Published:
    """Record a release; it takes effect so many milliseconds from now.

    Raises:
        Conflict: Somebody else released in between; plan again.
    """
    async with store.transaction() as tx:
        now = await tx.now()
        published = Published(
            number=planned.number,
            at=now + lead_ms,
            running=running,
            digest=planned.packed.digest,
            content=planned.packed.content,
        )
        await tx.add_publication(published)
        position = await tx.position(RELEASED)
        expect = None if position is None else position.next
        await tx.advance([Move(RELEASED, expect, Position(published.number, published.at, now))])
    return published


def changed_since(folder: Path, edition: Edition) -> bool:
    """Tell whether the project folder is no longer what was released."""
    return pack(folder).digest != edition.published.digest
