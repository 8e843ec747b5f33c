"""What must hold at the end of a chaos run; gives what does not, in words, and counts what was seen."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import msgspec

from sojourn.outputs import MESSAGES
from sojourn.rows import row_json
from tests.chaos.evidence import Evidence
from tests.chaos.likeness import Likeness
from tests.chaos.privacy import Seeker


def faults(found: Evidence, like: Likeness, figures: Counter[str]) -> list[str]:
    """Give everything that is wrong."""
    wrong: list[str] = []
    for check in (events, letters, messages, doubts, hand_overs, at_rest, told, private):
        wrong += check(found, figures)
    return [*wrong, *like.wrong]


def events(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """Every event that a topic holds is in the inbox, once, with the arrival of its first record."""
    first: dict[str, tuple[int, str, int]] = {}
    for source, records in found.read.items():
        for record in records:
            name = _id(record.value)
            if name is not None and name not in first:
                first[name] = (record.timestamp, source, record.offset)
            figures["records read"] += 1
    kept = Counter(entry.id for entry in found.inbox)
    for name in found.plan.events.keys() | first.keys():
        if name not in first:
            yield f"event {name} was never published"
        elif kept[name] != 1:
            yield f"event {name} is in the inbox {kept[name]} times"
    for entry in found.inbox:
        at = first.get(entry.id)
        if at is not None and at != (entry.arrival, entry.source, entry.position):
            yield f"event {entry.id} is kept as {(entry.arrival, entry.source, entry.position)}, its record is {at}"
    figures["events"] = len(found.inbox)
    figures["duplicates"] = figures["records read"] - len(found.inbox) - len(found.letters)


def letters(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """Every record that is no event is a dead letter, once; nothing else is one, nobody is quarantined."""
    rubbish = {
        (source, record.offset)
        for source, records in found.read.items()
        for record in records
        if _id(record.value) is None
    }
    kept = Counter(found.letters)
    for place in rubbish | kept.keys():
        if kept[place] != 1 or place not in rubbish:
            yield f"record {place} has {kept[place]} dead letters and {'is' if place in rubbish else 'is not'} rubbish"
    if found.quarantined:
        yield f"{found.quarantined} engine errors"
    figures["dead letters"] = len(found.letters)


def messages(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """No row is there twice, a message ends once, and the sum holds."""
    said = Counter(msgspec.json.encode(row_json(row), order="sorted") for row in found.rows)
    for row, often in said.items():
        if often > 1:
            yield f"a row is there {often} times: {row[:300]!r}"
    last = {row.message_id: row.status for row in found.rows}
    sums = Counter(last.values())
    if dict(sums) != {status: count for status, count in found.by_status.items() if count}:
        yield f"the last rows say {dict(sums)}, the messages {dict(found.by_status)}"
    if found.counts["rows"] != len(found.rows):
        yield f"the log counts {found.counts['log']} rows and has {len(found.rows)}"
    for status, count in sums.items():
        figures[f"messages {status}"] = count
    figures["messages"] = len(last)


def doubts(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """Each message in doubt has a cause: its answer was unclear, or its call was under way at a trouble."""
    requests = found.requests
    under_way = frozenset[str]().union(*found.caught.values())
    for row in found.rows:
        if row.status != "in_doubt":
            continue
        figures["in doubt"] += 1
        name = row.message_id
        if any(one.unclear for one in requests.get(name, ())):
            figures["in doubt: unclear answer"] += 1
        elif name in under_way:
            how = next(how for how, ids in found.caught.items() if name in ids)
            figures[f"in doubt: worker {how}"] += 1
        elif name in found.lost:
            figures["in doubt: commit of the lease not heard of"] += 1
        else:
            yield f"message {name} is in doubt without a cause: {row.detail}, {requests.get(name)}"
    for how, ids in found.caught.items():
        figures[f"calls under way: worker {how}"] = len(ids)


def hand_overs(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """Log and providers agree, message by message."""
    requests, by_message = found.requests, defaultdict(list)
    for row in found.rows:
        by_message[row.message_id].append(row)
    for name, rows in by_message.items():
        asked = requests.pop(name, [])
        told = Counter(row.status for row in rows)
        taken = sum(one.taken for one in asked)
        unclear = sum(one.unclear for one in asked)
        if rows[0].channel == "call":
            if told["sent"] > 1 or (told["sent"] and not taken):
                yield f"call {name} is {dict(told)}, taken {taken} times"
            figures["calls taken again"] += max(0, taken - 1)
            continue
        if told["sent"] > 1 or told["failed"]:
            yield f"message {name} is {dict(told)}"
        elif not told["in_doubt"] and (taken != told["sent"] or unclear):
            yield f"message {name} is {dict(told)}, taken {taken} times, unclear {unclear} times"
        elif told["in_doubt"] and not told["sent"] <= taken <= told["sent"] + told["in_doubt"]:
            yield f"message {name} in doubt is {dict(told)}, taken {taken} times"
    figures["requests"] = len(found.asked)
    for name, asked in requests.items():
        yield f"the providers have {name} ({asked[0].channel}), the log does not"


def at_rest(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """No lease is left."""
    if found.leases:
        yield f"{found.leases} leases are left"


def told(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """Each row about a message has its record on the output topic, at least once."""
    out: Counter[tuple[str, str, str]] = Counter()
    ids: Counter[str] = Counter()
    for source, records in found.told.items():
        for record in records:
            body = msgspec.json.decode(record.value)
            ids[body["event_id"]] += 1
            if source.startswith(f"kafka:{MESSAGES}/"):
                payload = body["payload"]
                out[payload["message_id"], payload["status"], payload["decided_at"]] += 1
    for row in found.rows:
        plain = row_json(row)
        if row.channel != "call" and not out[row.message_id, row.status, plain["decided_at"]]:
            yield f"the output topic lacks {row.message_id} {row.status} {plain['decided_at']}"
    figures["records out"] = sum(ids.values())
    figures["records out twice"] = sum(ids.values()) - len(ids)


def private(found: Evidence, figures: Counter[str]) -> Iterator[str]:
    """No name, number or address of anybody stands in a log or on an output topic, in whatever form."""
    seeker = Seeker(found.plan.secrets)
    for one in seeker.look_in_files(found.logs):
        yield str(one)
    for source, records in found.told.items():
        told = b"\n".join((r.key or b"") + r.value + repr(r.headers).encode() for r in records)
        yield from map(str, seeker.look(source, told))
    figures["bytes searched for people"] = seeker.searched


def _id(raw: bytes | None) -> str | None:
    try:
        value = msgspec.json.decode(raw or b"")
        return str(value["event_id"])
    except (msgspec.DecodeError, TypeError, KeyError, UnicodeDecodeError):
        return None
