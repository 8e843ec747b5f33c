"""What a topic must be so that nothing is lost and nothing is late, and what is said where it is not. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from sojourn.intake.decode import SIZE_LIMIT
from sojourn.outputs import DEAD_LETTERS, TOPICS

Role = Literal["input", "foreign", "output", "control"]
Level = Literal["ok", "note", "warning", "error"]
Stamps = Literal["broker", "publisher"]

CONTROL: Final = "cj.control.v1"  # what operators tell all workers: sojourn/bootstrap/control.py
DAY_MS: Final = 86_400_000
KEEP_MS: Final = 14 * DAY_MS
KEEP_DEAD_MS: Final = 90 * DAY_MS
LEAST_KEPT_MS: Final = 7 * DAY_MS
PARTITIONS: Final = 6
COPIES: Final = 3
MESSAGE_BYTES: Final = 1_048_588
ROOM_BYTES: Final = 16_384  # what a broker counts beside the value: key, headers, the batch around them

MISSING: Final = 3  # Kafka's code
_FORBIDDEN: Final = (29, 31)


class Wanted(msgspec.Struct, frozen=True):
    """A topic that the project needs: an input of its own, one of somebody else, an output, words of operators."""

    name: str
    role: Role


class Asked(msgspec.Struct, frozen=True):
    """How missing topics are made. ``replication`` None: as many copies as there are brokers, at most three.

    ``stamps``: whose clock fixes the arrival of an event, the broker's as it comes in or the publisher's.
    """

    partitions: int = PARTITIONS
    replication: int | None = None
    stamps: Stamps = "broker"

    def copies(self, brokers: int) -> int:
        """Give the number of copies on a cluster of so many brokers."""
        return self.replication or max(1, min(COPIES, brokers))


class Found(msgspec.Struct, frozen=True):
    """A topic as the brokers describe it; ``error`` is Kafka's code, ``copies`` the fewest that a partition has."""

    name: str
    error: int = 0
    partitions: int = 0
    copies: int = 0
    leaderless: int = 0
    behind: int = 0
    settings: Mapping[str, str] | None = None


class Finding(msgspec.Struct, frozen=True):
    """What was found about a topic and what to do next; ``ok`` and ``note`` need nothing done."""

    level: Level
    topic: str
    what: str
    next_step: str = ""


def wanted_topics(own: Collection[str], foreign: Collection[str] = ()) -> tuple[Wanted, ...]:
    """Give all topics of a project: the catalogue's, those of topics.yaml, the outputs, and operators' words."""
    named = [Wanted(name, "input") for name in sorted(own)]
    named += [Wanted(name, "foreign") for name in sorted(set(foreign) - set(own))]
    return (*named, *(Wanted(one.name, "output") for one in TOPICS), Wanted(CONTROL, "control"))


def settings_of(one: Wanted, asked: Asked, brokers: int) -> dict[str, str]:
    """Give the settings with which a topic is made: nothing is compacted, because each record is a fact of its own."""
    stamped = one.role == "input" and asked.stamps == "broker"
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(KEEP_DEAD_MS if one.name == DEAD_LETTERS else KEEP_MS),
        "min.insync.replicas": "2" if asked.copies(brokers) > 2 else "1",
        "message.timestamp.type": "LogAppendTime" if stamped else "CreateTime",
        "max.message.bytes": str(MESSAGE_BYTES),
        "unclean.leader.election.enable": "false",
    }


def judge(one: Wanted, found: Found | None, brokers: int) -> list[Finding]:
    """Give all that is to be said about a topic as it is; one ``ok`` where there is nothing."""
    if found is None or found.error == MISSING:
        return [_missing(one)]
    if found.error:
        return [_unreadable(one, found.error)]
    said = [*_partitions(one, found), *_copies(one, found, brokers)]
    if found.settings is None:
        next_step = "Allow DescribeConfigs on it, or look at its settings yourself"
        said.append(Finding("note", one.name, "its settings may not be read", next_step))
    else:
        for rule in _RULES:
            said += rule(one, found, found.settings)
    if any(each.level in ("warning", "error") for each in said):
        return said
    return [Finding("ok", one.name, _good(found)), *said]


def judge_together(found: Sequence[Found]) -> list[Finding]:
    """Give what is to be said about the inputs as a whole."""
    counts = sorted({one.partitions for one in found if not one.error})
    if len(counts) < 2:
        return []
    shown = ", ".join(map(str, counts))
    what = f"the inputs have different numbers of partitions ({shown})"
    next_step = "Nothing is lost by that; with equal numbers a customer's events meet in one worker"
    return [Finding("note", "inputs", what, next_step)]


# ---- the rules

_Rule = Callable[[Wanted, Found, Mapping[str, str]], Iterator[Finding]]


def _missing(one: Wanted) -> Finding:
    next_step = (
        "Ask its owner for it, or take it out of topics.yaml"
        if one.role == "foreign"
        else "Run `sojourn topics`, or have it created with the settings of docs/reference/topics.md"
    )
    return Finding("error", one.name, "there is no such topic, or this user may not see it", next_step)


def _unreadable(one: Wanted, error: int) -> Finding:
    right = "Write and Describe" if one.role == "output" else "Read and Describe"
    if error in _FORBIDDEN:
        return Finding("error", one.name, "this user may not use it", f"Allow {right} on it to SOJOURN_KAFKA_USER")
    return Finding("error", one.name, f"the brokers cannot say how it is (error {error})", "Try again in a moment")


def _good(found: Found) -> str:
    def count(number: int, word: str, many: str) -> str:
        return f"{number} {word if number == 1 else many}"

    return f"{count(found.partitions, 'partition', 'partitions')}, {count(found.copies, 'copy', 'copies')}"


def _partitions(one: Wanted, found: Found) -> Iterator[Finding]:
    if found.leaderless:
        yield Finding(
            "error",
            one.name,
            f"{found.leaderless} of {found.partitions} partitions have no leader: nobody can read or write them",
            "Bring the broker back that has them; timers of their customers wait until then",
        )
    if found.behind:
        yield Finding(
            "warning",
            one.name,
            f"{found.behind} of {found.partitions} partitions lack a copy that is in step",
            "See which broker is away or slow",
        )


def _copies(one: Wanted, found: Found, brokers: int) -> Iterator[Finding]:
    if found.copies > 1 or one.role == "foreign":
        return
    what = "there is one copy: what a lost disk held is lost"
    if brokers > 1:
        yield Finding("warning", one.name, what, "Give it three copies with kafka-reassign-partitions")
    else:
        yield Finding("note", one.name, what, "A cluster of three brokers keeps three")


def _in_step(one: Wanted, found: Found, settings: Mapping[str, str]) -> Iterator[Finding]:
    least = _whole(settings, "min.insync.replicas", 1)
    if least > found.copies:
        what = f"min.insync.replicas is {least} and there are {found.copies} copies: nothing can be written"
        yield Finding("error", one.name, what, _set(one, "min.insync.replicas", max(1, found.copies - 1)))
    elif found.copies > 2 and least < 2:
        what = "min.insync.replicas is 1: a record that one broker has confirmed can still be lost"
        yield Finding("warning", one.name, what, _set(one, "min.insync.replicas", 2))
    elif found.copies > 1 and least == found.copies:
        what = f"min.insync.replicas is {least}, as many as there are copies: with one broker away nothing is written"
        yield Finding("warning", one.name, what, _set(one, "min.insync.replicas", found.copies - 1))


def _elections(one: Wanted, found: Found, settings: Mapping[str, str]) -> Iterator[Finding]:
    if settings.get("unclean.leader.election.enable") == "true":
        what = "a broker that is not in step may become leader: confirmed records are lost then"
        yield Finding("warning", one.name, what, _set(one, "unclean.leader.election.enable", "false"))


def _compaction(one: Wanted, found: Found, settings: Mapping[str, str]) -> Iterator[Finding]:
    if "compact" not in settings.get("cleanup.policy", ""):
        return
    what = "it is compacted: of several unread records of a customer only the last is left"
    if one.role == "foreign":
        next_step = "Fine where each record says all that is known; else ask its owner for a topic that keeps them"
        yield Finding("note", one.name, what, next_step)
    else:
        yield Finding("error", one.name, what, _set(one, "cleanup.policy", "delete"))


def _retention(one: Wanted, found: Found, settings: Mapping[str, str]) -> Iterator[Finding]:
    kept = _whole(settings, "retention.ms", LEAST_KEPT_MS)
    if 0 <= kept < LEAST_KEPT_MS:
        hours = kept / 3_600_000
        what = f"records are kept for {hours:,.0f} hours: whoever is stopped longer loses them"
        yield Finding("warning", one.name, what, _set(one, "retention.ms", KEEP_MS))
    if _whole(settings, "retention.bytes", -1) >= 0:
        what = "records go when the topic has grown to retention.bytes, read or not"
        yield Finding("warning", one.name, what, _set(one, "retention.bytes", -1))


def _stamps(one: Wanted, found: Found, settings: Mapping[str, str]) -> Iterator[Finding]:
    if one.role in ("input", "foreign") and settings.get("message.timestamp.type") == "CreateTime":
        what = "the arrival of an event is what the publisher's clock said (message.timestamp.type CreateTime)"
        next_step = "Keep those clocks right"
        if one.role == "input":
            next_step += f", or: {_set(one, 'message.timestamp.type', 'LogAppendTime')}"
        yield Finding("note", one.name, what, next_step)


def _size(one: Wanted, found: Found, settings: Mapping[str, str]) -> Iterator[Finding]:
    least = SIZE_LIMIT + ROOM_BYTES
    if one.role != "foreign" and _whole(settings, "max.message.bytes", MESSAGE_BYTES) < least:
        what = (
            f"the broker refuses records of more than {settings['max.message.bytes']} bytes; an event may have 256 KiB"
        )
        yield Finding("warning", one.name, what, _set(one, "max.message.bytes", MESSAGE_BYTES))


_RULES: Final[tuple[_Rule, ...]] = (_in_step, _elections, _compaction, _retention, _stamps, _size)


def _whole(settings: Mapping[str, str], name: str, otherwise: int) -> int:
    try:
        return int(settings.get(name, otherwise))
    except ValueError:
        return otherwise


def _set(one: Wanted, name: str, value: Any) -> str:
    return f"kafka-configs --alter --entity-type topics --entity-name {one.name} --add-config {name}={value}"
