"""From a record of any topic to the bytes of one envelope of ours, or to a word why there is none: pure and bounded.

A topic of our own event types passes through untouched. A record of someone else's becomes what topics.yaml says; no
record whatsoever raises, and no detail holds a value of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from sojourn.definitions.catalogue import Catalogue
from sojourn.definitions.foreign import ForeignTopic, as_json
from sojourn.definitions.foreign_record import cloud_record, json_record
from sojourn.definitions.loose import Unfit
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import read_file
from sojourn.definitions.topics_file import FILE, read_topics
from sojourn.intake.decode import Refused, as_reason, unreadable
from sojourn.schema import ID_LIMIT

Headers = Iterable[tuple[str, bytes | None]]


class _Binary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that are no text."""

    base64: bytes


_Shown = str | _Binary | None


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole record as a dead letter keeps it, readable for a person."""

    foreign_record: str
    timestamp: int
    key: _Shown
    headers: list[tuple[str, _Shown]]
    value: _Shown


class Ignored(msgspec.Struct, frozen=True):
    """A record that topics.yaml leaves out on purpose; it is counted, and its position moves on."""

    why: str


Mapped = bytes | Refused | Ignored

_EMPTY: Final = Refused("bad_json", "the record has no value")
_NO_EVENT: Final = Refused("unmapped", "none of the events of topics.yaml takes this record")
_LEFT_OUT: Final = Ignored("otherwise")
_TOMBSTONE: Final = Ignored("tombstone")


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics that a project reads: its own, and those of others.

    Attributes:
        own: Topics of our own event types; their records are envelopes.
        foreign: Topics of others, by name.
    """

    own: frozenset[str]
    foreign: Mapping[str, ForeignTopic]

    @property
    def names(self) -> tuple[str, ...]:
        """All topics, sorted."""
        return tuple(sorted(self.own | frozenset(self.foreign)))

    def read(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, *, identity: str, timestamp: int
    ) -> Mapped:
        """Give the bytes of the envelope that a record is or becomes.

        Args:
            topic: Where it stands.
            key: Its key, as bytes.
            value: Its value; None is a tombstone.
            headers: Its headers; of one name, the last counts.
            identity: What names the record for ever (source, epoch, partition, offset): the id of an event
                where the mapping gives none.
            timestamp: Of the record, ms.

        Returns:
            The envelope, to be judged by `decode`; or Refused, a dead letter; or Ignored.
        """
        foreign = self.foreign.get(topic)
        if foreign is None:
            return _EMPTY if value is None else value
        if value is None:
            return _TOMBSTONE if foreign.tombstones == "ignore" else _EMPTY
        if (refused := unreadable(value)) is not None:
            return refused
        try:
            return _mapped(foreign, key, value, headers, identity, timestamp)
        except Unfit as error:
            return Refused(as_reason(error.reason), error.words)

    def kept(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, *, identity: str, timestamp: int
    ) -> bytes:
        """Give the bytes by which a refused record is kept: of our own topics the value, of others the whole record.

        So that `again` can read it once the mapping is mended. The arguments are those of `read`.
        """
        if topic not in self.foreign:
            return value or b""
        shown = [(name, _show(raw)) for name, raw in headers]
        return msgspec.json.encode(_Kept(identity, timestamp, _show(key), shown, _show(value)))

    def again(self, topic: str, raw: bytes, *, identity: str, timestamp: int) -> Mapped:
        """Read a record once more from what was `kept` of it; a value alone is read without key and headers.

        Args:
            topic: Where it stood.
            raw: The bytes of the dead letter.
            identity: Of a value alone; a whole record carries its own.
            timestamp: Of a value alone, ms.
        """
        if topic not in self.foreign:
            return raw
        try:
            kept = msgspec.json.decode(raw, type=_Kept)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self.read(topic, None, raw, (), identity=identity, timestamp=timestamp)
        headers = [(name, _unshow(held)) for name, held in kept.headers]
        return self.read(
            topic,
            _unshow(kept.key),
            _unshow(kept.value),
            headers,
            identity=kept.foreign_record,
            timestamp=kept.timestamp,
        )


def _show(raw: bytes | None) -> _Shown:
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return _Binary(raw or b"")


def _unshow(held: _Shown) -> bytes | None:
    if held is None:
        return None
    return held.encode() if isinstance(held, str) else held.base64


def _mapped(
    topic: ForeignTopic, key: bytes | None, value: bytes, headers: Headers, identity: str, timestamp: int
) -> Mapped:
    given = {name: raw for name, raw in headers if raw is not None}
    read = cloud_record if topic.format == "cloudevents" else json_record
    envelope = topic.envelope(read(key, value, given, timestamp), _short(identity))
    if envelope is None:
        return _LEFT_OUT if topic.otherwise == "ignore" else _NO_EVENT
    return as_json(envelope)


def _short(identity: str) -> str:
    """Give an identity that fits an id: a topic's name alone may be longer than one."""
    return identity if len(identity) <= ID_LIMIT else sha256(identity.encode()).hexdigest()


def topics_of(foreign: Mapping[str, ForeignTopic], catalogue: Catalogue) -> Topics:
    """Give the topics of a project that is loaded: `topics_of(project.topics, project.catalogue)`."""
    return Topics(frozenset(catalogue.topics), foreign)


def load_topics(folder: Path, catalogue: Catalogue) -> Topics:
    """Give the topics of a project folder; topics.yaml may be missing.

    Raises:
        DefinitionError: With everything that is wrong in the file.
    """
    path = folder / FILE
    if not path.exists():
        return topics_of({}, catalogue)
    problems = Problems()
    node = read_file(path, FILE, problems)
    file = read_topics(node, catalogue, problems) if node is not None else {}
    problems.stop_on_errors()
    return topics_of(file, catalogue)
