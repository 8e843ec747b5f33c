"""The examples of topics.yaml: each must become what is said beside it, so a mapping is tried before its first use."""

from collections.abc import Iterable
from typing import Final

from sojourn.core.nearest import did_you_mean
from sojourn.definitions.catalogue import Catalogue, PayloadError
from sojourn.definitions.foreign import ForeignTopic, as_json
from sojourn.definitions.foreign_record import cloud_record, json_record
from sojourn.definitions.grammar import Entries, F, Fields, MapOf, Name, Record, Text
from sojourn.definitions.loose import Unfit
from sojourn.definitions.problems import Problems
from sojourn.schema import instant_of

EXAMPLE: Final = Record(
    "an example",
    (
        F("key", Text(), "the key of the record"),
        F("headers", MapOf(Name("header", r"[!-~]{1,200}", "no blanks"), Text()), "its headers"),
        F("value", Text(200_000, "a JSON text"), "its value; without it, a tombstone"),
        F("becomes", Text(), "the type of the event, `ignored`, or `refused`", required=True),
    ),
)
_RECORDED: Final = 1_767_225_600_000  # 2026-01-01, the timestamp of every example
_IDENTITY: Final = "an example"


def try_examples(topic: ForeignTopic, examples: Iterable[Fields], catalogue: Catalogue, problems: Problems) -> None:
    """Note each example that does not become what it says."""
    for one in examples:
        said = one.value("becomes")
        if said is None:
            continue
        if said not in ("ignored", "refused") and catalogue.get(said) is None:
            known = (*catalogue.types, "ignored", "refused")
            problems.add(one.place("becomes"), f"there is no event type `{said}`", did_you_mean(said, known))
            continue
        found, why = _becomes(topic, one, catalogue)
        if found != said:
            problems.add(one.place("becomes"), f"this example is `{found}`, not `{said}`", why)


def _becomes(topic: ForeignTopic, example: Fields, catalogue: Catalogue) -> tuple[str, str]:
    """Give what an example becomes, and where it is refused, why."""
    value: str | None = example.value("value")
    if value is None:
        return _named(topic.tombstones), "it has no value, and `tombstones` says what becomes of those"
    key: str | None = example.value("key")
    given: Entries | None = example.get("headers")
    headers = {} if given is None else {name: leaf.value.encode() for name, leaf in given.items()}
    read = cloud_record if topic.format == "cloudevents" else json_record
    try:
        record = read(None if key is None else key.encode(), value.encode(), headers, _RECORDED)
        envelope = topic.envelope(record, _IDENTITY)
        if envelope is None:
            return _named(topic.otherwise), "none of the events takes it"
        kind = catalogue.get(str(envelope.get("type")))
        if kind is None:
            return "refused", f"there is no event type `{envelope.get('type')}`"
        kind.decode(as_json(envelope.get("payload") or {}))
        instant_of(str(envelope.get("occurred_at")))
        return kind.name, ""
    except Unfit as error:
        return "refused", error.words
    except PayloadError as error:
        return "refused", error.detail
    except ValueError as error:
        return "refused", f"occurred_at: {error}"


def _named(what: str) -> str:
    return "ignored" if what == "ignore" else "refused"
