"""What happens to one customer in the year, as events of the publishing systems, with the faults of W17."""

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks.synthetic.days import FIRST, LAST, at
from sojourn.core.zones import DAY, HOUR, MINUTE
from sojourn.rows import instant_text

BEGIN: Final = at(FIRST, 0) - 46 * DAY  # premiums of January are scheduled in the year before
END: Final = at(LAST + 1, 0)
_OUTAGES: Final = tuple(
    (at(date(2026, month, day).toordinal(), clock * HOUR), 20 * MINUTE)
    for month, day, clock in ((3, 11, 10), (9, 22, 14))
)
_SOURCES: Final = {
    "payment": "Billing", "policy": "Policy admin", "claim": "Claims", "complaint": "Complaint desk",
    "customer": "CRM", "activity": "App", "enquiry": "Web", "churn": "Churn model service",
    "silence": "Silence agent", "recommendation": "Recommendation engine", "risk_assessment": "Suitability system",
    "kyc": "KYC", "survey": "Survey tool", "advisor": "CRM", "message": "SMS gateway", "fraud": "Risk control",
    "consent": "Consent centre",
}  # fmt: skip
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(a + b for a in _ALPHABET for b in _ALPHABET)

Item = tuple[int, int, str, str, str, dict[str, Any]]


class Written(NamedTuple):
    """One line of the file of events: when it arrives, its type, its bytes."""

    arrival: int
    type: str
    line: bytes


class Story:
    """Collects what happens to one customer, in any order, and writes it out in the order of time."""

    def __init__(self, customer: str, zone: str, rng: Random) -> None:
        self.customer = customer
        self.zone = zone
        self._rng = rng
        self._items: list[Item] = []

    def say(self, instant: int, type: str, entity_type: str, entity_id: str, payload: dict[str, Any]) -> None:
        """Let something happen at an instant (ms); what lies outside the year is left out."""
        if BEGIN <= instant < END:
            self._items.append((instant, len(self._items), type, entity_type, entity_id, payload))

    def about_me(self, instant: int, type: str, payload: dict[str, Any]) -> None:
        """Let something happen that is about the customer as such."""
        self.say(instant, type, "customer", self.customer, payload)

    @staticmethod
    def time(instant: int) -> str:
        """Write an instant."""
        return instant_text(instant)

    def lines(self, faults: bool) -> Iterator[Written]:
        """Give the events as lines; each entity counts its own seq."""
        self._items.sort(key=lambda item: item[:2])
        seqs: dict[str, int] = {}
        for instant, _, kind, entity_type, entity_id, payload in self._items:
            source = _SOURCES[kind.partition(".")[0]]
            place = f"{entity_type}|{entity_id}|{source}"
            seq = seqs[place] = seqs.get(place, 0) + 1
            event = {
                "event_id": self._ulid(instant),
                "type": kind,
                "schema_version": 1,
                "occurred_at": instant_text(instant),
                "customer_id": self.customer,
                "entity": {"type": entity_type, "id": entity_id, "seq": seq},
                "payload": payload,
                "source": source,
            }
            arrival = instant + 20 + int(self._rng.random() * 900)
            if faults:
                yield from self._with_faults(event, instant, arrival)
            else:
                yield _line(event, arrival)

    def _with_faults(self, event: dict[str, Any], instant: int, arrival: int) -> Iterator[Written]:
        rng = self._rng
        event["occurred_at"] = instant_text(instant + int((rng.random() - 0.5) * 4000))
        draw = rng.random()
        if draw < 0.01:
            arrival += int(rng.random() * 10 * MINUTE)
        elif draw < 0.011:
            arrival += int(rng.random() * 3 * DAY)
        elif draw < 0.016:
            yield _line(event, _through(arrival + int(rng.random() * 10 * MINUTE)))
        elif draw < 0.017:
            yield _line(event | {"event_id": self._ulid(instant)}, _through(arrival + int(rng.random() * 10 * MINUTE)))
        elif draw < 0.0172:
            whole = _line(event, _through(arrival))
            yield whole._replace(line=whole.line[: rng.randrange(20, len(whole.line) - 2)] + b"\n")
            return
        elif draw < 0.0177:
            yield _line(
                event | {"event_id": self._ulid(instant), "customer_id": "X" + self.customer}, _through(arrival)
            )
        elif draw < 0.0178:
            yield _line(event | {"event_id": self._ulid(instant), "type": "loyalty.points_earned"}, _through(arrival))
        yield _line(event, _through(arrival))

    def _ulid(self, instant: int) -> str:
        """Give an id of 26 letters: the instant, then chance."""
        number = (instant << 80) | self._rng.getrandbits(80)
        return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def _through(arrival: int) -> int:
    """Give the arrival where the broker is away: all that waited comes at its end, in order (W17)."""
    for start, length in _OUTAGES:
        if start <= arrival < start + length:
            return start + length + (arrival - start) // 20
    return arrival


def _line(event: dict[str, Any], arrival: int) -> Written:
    return Written(arrival, event["type"], msgspec.json.encode(event | {"arrives_at": instant_text(arrival)}) + b"\n")
