"""What happens in a world, all from one number: journeys, customers, events, releases, and how much goes wrong."""

import random
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec

from sojourn.definitions.project import Project
from sojourn.definitions.publish import Release, first_book, next_book
from sojourn.intake.frontier import source_of
from sojourn.places import place_of
from sojourn.rendering import SIMULATION_KEY, Renderer
from sojourn.rows import instant_text
from tests.unit.rules.kit import project
from tests.unit.rules.small_journeys import small_journey

Running = Literal["stay", "move", "drain"]
BEGIN = 1_772_000_000_000  # 2026-02-25 in Shanghai; clocks change in March
RUNNING: tuple[Running, ...] = ("stay", "move", "drain")
HOUR = 3_600_000
DAY = 24 * HOUR
GARBAGE = b"no event "
KINDS = 5  # how many pairs of projects there are
TOPICS = {"policy.events": 3, "crm.events": 2}
ABOUT_PEOPLE = ("customer.updated", "consent.changed")
_PAYMENTS = (
    *("payment.due_scheduled",) * 4,
    *("payment.due_changed",) * 2,
    *("payment.received",) * 2,
    *("payment.failed", "policy.cancelled", "policy.reinstated"),
    "consent.changed",
)


@dataclass(frozen=True, slots=True)
class Edition:
    """One project as it is released, with what renders its messages."""

    project: Project
    book: Release
    renderer: Renderer


@cache
def edition(kind: int, running: Running | None = None) -> Edition:
    """Give the first release of a kind of world, or with ``running`` the second."""
    if running is None:
        loaded = project(*(small_journey(f"small_{n}", 100 * kind + n) for n in range(3)))
        return Edition(loaded, first_book(loaded), _renderer(loaded))
    texts = [small_journey(f"small_{n}", 100 * kind + n + (50 if n else 0)) for n in range(3)]
    loaded = project(*texts)
    return Edition(loaded, next_book(edition(kind).book, loaded, running)[0], _renderer(loaded))


def _renderer(loaded: Project) -> Renderer:
    return Renderer(loaded.templates, SIMULATION_KEY)


@dataclass(frozen=True, slots=True)
class Published:
    """One record that a publisher sends: when, where to, and how late it can be read."""

    at: int
    source: str
    customer: str
    raw: bytes
    late: int


@dataclass(frozen=True, slots=True)
class Troubles:
    """How likely each trouble is at each point, and how many there are at most."""

    fails: float
    kills: float
    freezes: float
    moves: float
    aways: float
    provider: float
    most: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a world that does not follow from what its workers do."""

    seed: int
    kind: int
    workers: int
    records: tuple[Published, ...]
    release: tuple[int, Running] | None
    troubles: Troubles
    at_once: int
    deaf_s: float  # how long a worker may not hear that its partitions are another's
    until: int


def plan(seed: int) -> Plan:
    """Give the plan that belongs to a seed."""
    dice = random.Random(f"plan {seed}")
    people = [f"C{dice.randrange(10_000)}" for _ in range(dice.randrange(2, 5))]
    records = _records(dice, people)
    last = max(record.at for record in records)
    release: tuple[int, Running] | None = None
    if dice.random() < 0.5:
        near = dice.choice(records).at - dice.randrange(5_000, 9_000)  # in force just before something happens
        release = (dice.choice((near, dice.randrange(BEGIN + HOUR // 2, last + DAY))), dice.choice(RUNNING))
    rate = dice.choice((0.0, 1.0, 1.0, 3.0))
    troubles = Troubles(
        fails=0.01 * rate,
        kills=0.003 * rate,
        freezes=0.002 * rate,
        moves=dice.choice((0.002, 0.02)) * rate,
        aways=0.001 * rate,
        provider=dice.choice((0.0, 0.1, 0.4)),
        most=dice.choice((3, 10, 30)),
    )
    return Plan(
        seed, dice.randrange(KINDS), dice.randrange(1, 4), records, release, troubles,
        at_once=dice.choice((1, 4)), deaf_s=dice.choice((2.5, 60.0)), until=last + 45 * DAY,
    )  # fmt: skip


def _records(dice: random.Random, people: list[str]) -> tuple[Published, ...]:
    """Everybody becomes known, then policies live; some records come twice, some several at one instant."""
    records: list[Published] = []
    strays = dice.random() < 0.15  # a publisher that does not key by customer
    at = BEGIN
    for number, name in enumerate(people):
        at += dice.randrange(1_000, HOUR)
        _append(records, dice, at, name, "customer.updated", _profile(number), strays)
        if dice.random() < 0.8:
            _append(records, dice, at, name, "consent.changed", _consent(True), strays)
    storm = dice.random() < 0.3  # everything at about the same time
    gaps = (0, 10, 50, 200, 1_000, 4_000) if storm else (0, 200, 90_000, DAY, 3 * DAY, 3 * DAY, 3 * DAY)
    for _ in range(dice.randrange(6, 22)):
        at += dice.randrange(0, dice.choice(gaps) + 1)
        kind = dice.choice(_PAYMENTS)
        _append(records, dice, at, dice.choice(people), kind, _fields(dice, kind, at), strays)
    for number in range(dice.choice((0, 0, 3, 8))):  # what is no event at all
        lies = dice.choice(records)
        at = lies.at + dice.randrange(0, 5_000)
        records.append(Published(at, lies.source, lies.customer, GARBAGE + str(number).encode(), 0))
    for record in dice.sample(records, k=min(len(records), dice.choice((0, 0, 2, 4)))):
        again = record.at + dice.choice((0, 1_000, dice.randrange(1, DAY)))
        if not record.raw.startswith(GARBAGE):
            records.append(Published(again, record.source, record.customer, record.raw, record.late))
    return tuple(sorted(records, key=lambda one: one.at))


def _append(
    records: list[Published], dice: random.Random, at: int, name: str, kind: str, fields: dict[str, Any], strays: bool
) -> None:
    declared = edition(0).project.catalogue.types[kind]
    envelope = {
        "event_id": f"e{len(records)}",
        "type": kind,
        "occurred_at": instant_text(at),
        "source": declared.source,
        "customer_id": name,
        "payload": dict(declared.examples) | fields,
    }
    topic = "crm.events" if kind in ABOUT_PEOPLE else "policy.events"
    place = dice.randrange(1 << 20) if strays and topic == "crm.events" else place_of(name)
    late = dice.choice((0, 5, dice.randrange(1, 1_500)))
    source = source_of(topic, place % TOPICS[topic])
    records.append(Published(at, source, name, msgspec.json.encode(envelope), late))


def _profile(number: int) -> dict[str, Any]:
    profile = {
        "name": "测试", "salutation_zh": "测试女士", "salutation_en": "Ms Test", "language": "zh-CN",
        "timezone": "Asia/Shanghai", "mobile": f"+8613800138{number:03d}", "email": f"c{number}@example.com",
    }  # fmt: skip
    return {"changed": sorted(profile), "profile": profile}


def _consent(granted: bool) -> dict[str, Any]:
    return {"purpose": "marketing", "channel": "all", "granted": granted}


def _fields(dice: random.Random, kind: str, at: int) -> dict[str, Any]:
    installment = dice.randrange(1, 3)
    due = instant_text(at + dice.randrange(0, 14) * DAY)[:10]
    match kind:
        case "payment.due_scheduled" | "payment.due_changed":
            return {"policy_id": "P-1", "installment_no": installment, "due_date": due}
        case "payment.received":
            paid = dice.choice(("0.00", "10.00"))
            return {"policy_id": "P-1", "installment_no": installment, "outstanding_cny": paid}
        case "payment.failed":
            return {"policy_id": "P-1", "installment_no": installment, "attempt_no": dice.randrange(1, 4)}
        case "consent.changed":
            return _consent(dice.random() < 0.5)
        case _:
            return {"policy_id": "P-1"}
