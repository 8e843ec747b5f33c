"""Each way in which a topic can lose or delay something is seen, and a good topic passes in silence."""

from typing import Any

import msgspec
import pytest

from sojourn.kafka.topic_rules import (
    CONTROL,
    Asked,
    Found,
    Wanted,
    judge,
    judge_together,
    settings_of,
    wanted_topics,
)
from sojourn.outputs import DEAD_LETTERS, TOPICS

OWN = Wanted("cj.policy.v1", "input")
FOREIGN = Wanted("legacy.billing", "foreign")
OUTPUT = Wanted("cj.instance.v1", "output")
GOOD = Found("cj.policy.v1", partitions=6, copies=3, settings=settings_of(OWN, Asked(), 3))


def with_setting(**changed: str) -> Found:
    settings = dict(GOOD.settings or {}) | {name.replace("_", "."): value for name, value in changed.items()}
    return msgspec.structs.replace(GOOD, settings=settings)


def with_part(**changed: Any) -> Found:
    return msgspec.structs.replace(GOOD, **changed)


def test_a_topic_as_it_is_created_passes() -> None:
    for one in (OWN, OUTPUT, Wanted(DEAD_LETTERS, "output")):
        found = with_part(settings=settings_of(one, Asked(), 3))
        assert [said.level for said in judge(one, found, 3)] == ["ok"]


def test_one_broker_alone_is_noted_and_nothing_to_be_done() -> None:
    found = Found("cj.policy.v1", partitions=1, copies=1, settings=settings_of(OWN, Asked(), 1))
    said = judge(OWN, found, 1)
    assert [one.level for one in said] == ["ok", "note"]
    assert said[0].what == "1 partition, 1 copy"


WRONG: dict[str, tuple[Wanted, Found | None, str, str]] = {
    "missing": (OWN, None, "error", "sojourn topics"),
    "missing by code": (OUTPUT, Found("x", error=3), "error", "sojourn topics"),
    "missing of another owner": (FOREIGN, None, "error", "owner"),
    "forbidden to read": (OWN, Found("x", error=29), "error", "Read and Describe"),
    "forbidden to write": (OUTPUT, Found("x", error=29), "error", "Write and Describe"),
    "broker in trouble": (OWN, Found("x", error=7), "error", "again"),
    "no leader": (OWN, with_part(leaderless=2), "error", "broker back"),
    "copy out of step": (OWN, with_part(behind=1), "warning", "broker"),
    "one copy of a cluster": (OWN, with_part(copies=1), "warning", "three copies"),
    "nothing can be written": (OWN, with_setting(min_insync_replicas="4"), "error", "min.insync.replicas=2"),
    "one broker confirms": (OWN, with_setting(min_insync_replicas="1"), "warning", "min.insync.replicas=2"),
    "all must confirm": (OWN, with_setting(min_insync_replicas="3"), "warning", "min.insync.replicas=2"),
    "unclean": (OWN, with_setting(unclean_leader_election_enable="true"), "warning", "=false"),
    "compacted": (OWN, with_setting(cleanup_policy="compact,delete"), "error", "cleanup.policy=delete"),
    "compacted output": (OUTPUT, with_setting(cleanup_policy="compact"), "error", "cleanup.policy=delete"),
    "kept for a day": (OWN, with_setting(retention_ms="86400000"), "warning", "retention.ms=1209600000"),
    "kept by size": (OWN, with_setting(retention_bytes="1000"), "warning", "retention.bytes=-1"),
    "small": (OWN, with_setting(max_message_bytes="262144"), "warning", "max.message.bytes"),
}


@pytest.mark.parametrize(("one", "found", "level", "next_step"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_what_to_do(one: Wanted, found: Found | None, level: str, next_step: str) -> None:
    said = [each for each in judge(one, found, 3) if each.level == level]
    assert any(next_step in each.next_step for each in said)
    assert not any(each.level == "ok" for each in judge(one, found, 3))


NOTED: dict[str, tuple[Wanted, Found, str]] = {
    "publisher's clock": (OWN, with_setting(message_timestamp_type="CreateTime"), "clock"),
    "publisher's clock elsewhere": (FOREIGN, with_setting(message_timestamp_type="CreateTime"), "clock"),
    "compacted elsewhere": (FOREIGN, with_setting(cleanup_policy="compact"), "compacted"),
    "settings unread": (OWN, with_part(settings=None), "may not be read"),
}


@pytest.mark.parametrize(("one", "found", "what"), NOTED.values(), ids=NOTED)
def test_what_may_be_is_noted(one: Wanted, found: Found, what: str) -> None:
    said = judge(one, found, 3)
    assert [each.level for each in said] == ["ok", "note"]
    assert what in said[1].what


def test_records_are_kept_for_ever_where_someone_says_so() -> None:
    assert [one.level for one in judge(OWN, with_setting(retention_ms="-1"), 3)] == ["ok"]


def test_inputs_of_different_width_are_noted() -> None:
    wide, narrow = with_part(partitions=12), with_part(partitions=6)
    assert [one.what for one in judge_together([wide, narrow])] == [
        "the inputs have different numbers of partitions (6, 12)"
    ]
    assert judge_together([wide, wide, Found("missing", error=3)]) == []


def test_all_topics_are_named_once() -> None:
    wanted = wanted_topics(["b", "a"], ["a", "z"])
    assert [(one.name, one.role) for one in wanted[:3]] == [("a", "input"), ("b", "input"), ("z", "foreign")]
    assert [one.name for one in wanted[3:-1]] == [one.name for one in TOPICS]
    assert (wanted[-1].name, wanted[-1].role) == (CONTROL, "control")


@pytest.mark.parametrize(
    ("asked", "brokers", "copies", "least"),
    [(Asked(), 1, 1, "1"), (Asked(), 2, 2, "1"), (Asked(), 5, 3, "2"), (Asked(replication=1), 3, 1, "1")],
)
def test_copies_follow_the_brokers(asked: Asked, brokers: int, copies: int, least: str) -> None:
    assert asked.copies(brokers) == copies
    assert settings_of(OWN, asked, brokers)["min.insync.replicas"] == least


def test_the_publishers_clock_counts_where_asked() -> None:
    assert settings_of(OWN, Asked(), 1)["message.timestamp.type"] == "LogAppendTime"
    assert settings_of(OWN, Asked(stamps="publisher"), 1)["message.timestamp.type"] == "CreateTime"
