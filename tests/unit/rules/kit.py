"""What the tables of the rules are written with: small journeys, a customer, events, and the rows that came of them.

A table plays journeys of its own over the reference insurer's events, profile, templates and rules, so that
every rule is tested through the language and nothing of the engine is replaced by a double.
"""

import functools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from sojourn.core.model import Note, Publication, Row
from sojourn.definitions.project import Project, load_project
from sojourn.definitions.publish import first_book, next_book
from sojourn.intake.decode import Refused, decode_customer, decode_recorded
from sojourn.rows import instant_text
from sojourn.simulate.world import World

ROOT = Path(__file__).resolve().parents[3]
SHANGHAI = "Asia/Shanghai"
EVERYTHING = {"marketing": {"sms": True, "email": True}, "care": {"sms": True, "email": True}}
CUSTOMER: dict[str, Any] = {
    "customer_id": "C1",
    "salutation_zh": "王女士",
    "salutation_en": "Ms Wang",
    "language": "zh-CN",
    "timezone": SHANGHAI,
    "mobile": "+8613800138000",
    "email": "c1@example.com",
    "consent": EVERYTHING,
}


def at(text: str, zone: str = "UTC") -> int:
    """Give an instant (ms) of a local time like ``2026-03-08 20:00`` or ``2026-03-08 20:00:00.001``."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1000)


@functools.cache
def project(*journeys: str) -> Project:
    """Load a project of the given journeys (YAML texts) over the reference insurer's declarations."""
    folder = Path(tempfile.mkdtemp(prefix="sojourn-rules-"))
    for name in ("schemas", "templates", "rules.yaml", "parameters.yaml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "journeys").mkdir()
    for text in journeys:
        source = dedent(text).lstrip("\n")
        name = next(line.split(":", 1)[1].strip() for line in source.splitlines() if line.startswith("journey:"))
        (folder / "journeys" / f"{name}.yaml").write_text(source, encoding="utf-8")
    return load_project(folder)


@functools.cache
def reference(*names: str) -> Project:
    """Load journeys of the reference insurer by name; none named: all."""
    return load_project(ROOT, frozenset(names) or None)


@dataclass
class Play:
    """A simulated world of one project: feed it, read its rows."""

    loaded: Project
    customers: Sequence[Mapping[str, Any]] = (CUSTOMER,)
    zone: str = SHANGHAI
    begin: str = "2026-01-01 00:00"
    rows: list[Row] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    answers: Mapping[str, Mapping[str, Any]] | None = None
    _count: int = 0

    def __post_init__(self) -> None:
        book = first_book(self.loaded)
        self.world = World(book, None, self.rows.append, notes=self.notes.append, answers=self.answers)
        for customer in self.customers:
            known = decode_customer(dict(customer), self.loaded.catalogue)
            assert not isinstance(known, Refused), known
            self.world.know(known.customer, known.fields, at(self.begin, self.zone))

    def event(
        self,
        when: str,
        kind: str,
        *,
        customer: str = "C1",
        id: str | None = None,
        entity: str | None = None,
        seq: int | None = None,
        occurred: str | None = None,
        source: str | None = None,
        **payload: Any,
    ) -> None:
        """Feed an event that arrives at a local time; fields that are left out come from the schema's examples.

        ``entity`` names the entity's id; its type is the catalogue's. ``seq`` without entity takes the customer.
        """
        self._count += 1
        declared = self.loaded.catalogue.types[kind]
        arrives = instant_text(at(when, self.zone))
        envelope: dict[str, Any] = {
            "event_id": id or f"e{self._count}",
            "type": kind,
            "occurred_at": instant_text(at(occurred, self.zone)) if occurred else arrives,
            "arrives_at": arrives,
            "source": source or declared.source,
            "customer_id": customer,
            "payload": dict(declared.examples) | payload,
        }
        if seq is not None:
            envelope["entity"] = {"type": declared.entity, "id": entity or customer, "seq": seq}
        event = decode_recorded(msgspec.json.encode(envelope), self.loaded.catalogue)
        assert not isinstance(event, Refused), event
        self.world.feed(event)

    def publish(self, when: str, loaded: Project, running: str = "stay") -> None:
        """Put another project in force at a local time."""
        book, _ = next_book(self.world.book, loaded, running)
        self.loaded = loaded
        self.world.publish(book, None, Publication(running), at(when, self.zone))

    def until(self, when: str) -> "Play":
        """Run to a local time, everything due at it included."""
        self.world.run_through(at(when, self.zone))
        return self

    def local(self, instant: int | None) -> str | None:
        """Write an instant as local time, milliseconds only where there are any."""
        if instant is None:
            return None
        moment = datetime.fromtimestamp(instant / 1000, ZoneInfo(self.zone))
        text = moment.strftime("%Y-%m-%d %H:%M")
        rest = instant % 60_000
        return text if not rest else f"{text}:{rest // 1000:02d}" + (f".{rest % 1000:03d}" if rest % 1000 else "")

    @property
    def sent(self) -> list[tuple[str | None, str | None, str | None]]:
        """Give (local hand-over, channel, step) of what was sent, calls included, in order."""
        return [(self.local(r.handed_over_at), r.channel, r.step) for r in self.rows if r.status == "sent"]

    @property
    def messages(self) -> list[tuple[str | None, str | None, str | None]]:
        """Give the same without calls."""
        return [row for row in self.sent if row[1] != "call"]

    def not_sent(self, *statuses: str) -> list[tuple[str | None, str | None, str, str | None]]:
        """Give (local decision, step, status, reason) of rows that are not sent, or of the statuses named."""
        return [
            (self.local(r.decided_at), r.step, r.status, r.reason)
            for r in self.rows
            if (r.status in statuses if statuses else r.status != "sent")
        ]

    @property
    def ends(self) -> list[tuple[str | None, str | None]]:
        """Give (journey, reason) of runs that ended, in order."""
        return [(n.journey, n.cause) for n in self.notes if n.kind == "ended"]

    @property
    def starts(self) -> int:
        """Give the number of runs that started."""
        return sum(1 for n in self.notes if n.kind == "started")
