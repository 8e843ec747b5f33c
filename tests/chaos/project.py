"""The project of a chaos run: the reference insurer with its six main journeys, in the minutes of the run.

What the journeys send at nine or ten in the morning goes at two whole minutes of the run, and all customers live in
a zone where it is about noon, so quiet hours and the ends of days play no part whenever the run begins. A journey of
seconds is added, because days do not pass in a run: waits, a deadline, an answered call.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
MAIN: Final = (
    "renewal_premium",
    "claim_status",
    "onboarding_free_look",
    "silence_reactivation",
    "churn_win_back",
    "need_alert",
)
_PARTS: Final = ("templates", "schemas", "rules.yaml", "parameters.yaml", "channels.yaml")
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE

SECONDS: Final = """\
# Days do not pass in a chaos run, so this one counts in seconds: waits, a deadline, an answered call, a late word.
journey: document_in_seconds
name: {zh: 证件更新, en: "Documents, in seconds"}
stage: serve
class: service
priority: 75
metric: all are renewed
guardrail: nothing after the renewal but the thanks

start:
  when: kyc.document_expiring
key: [document_id]
again: never

facts:
  expiry_date: event.expiry_date
  doc_type: event.doc_type
  doc_name: event.doc_name
  restrict_date: expiry_date + days(90)
  ticket: {type: text}

flow:
  - wait_for: kyc.document_updated
    within: 7 seconds
    then:
      - end: in_time
    otherwise:
      - {id: late, send: kyc_expiring, by: [sms, email]}
      - {call: escalate, with: {level: L1, run_id: = run.id}, save: {ticket: answer.ticket_id}}
      - wait: 4 seconds
      - {id: last, send: kyc_expired, by: sms}

deadlines:
  - id: much_too_late
    after: 9 seconds
    since: kyc.document_expiring
    stop: kyc.document_updated
    at_most: 1
    do:
      - {id: restricted, send: kyc_restricted, by: [sms, email], class: mandatory}
expire: 30 days after start
"""

APP: Final = '''\
"""The worker of a chaos run: the same as in production, on a store that fails at random."""

import os
from pathlib import Path
from random import Random

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.frame import Frame
from sojourn.bootstrap.production import Production
from sojourn.bootstrap.settings import read_settings
from sojourn.bootstrap.wiring import make_store
from sojourn.web.worker import public
from tests.chaos.faulty import Faulty

settings = read_settings(os.environ)
dice = Random(f"{os.environ['CHAOS_SEED']} {os.getpid()}")
store = Faulty(
    make_store(settings, wall_clock),
    dice,
    float(os.environ["CHAOS_RATE"]),
    Path(os.environ["CHAOS_LOST"]),
    Path(os.environ["CHAOS_CALM"]),
)
app = Frame(Production(settings, wall_clock, store=store), public)

from agents import control, intake  # noqa: E402, F401 - agents name the app that they belong to
'''


@dataclass(frozen=True, slots=True)
class When:
    """The time of a run: its begin, the two instants of the touches (ms), its zone and its day there."""

    begin: int
    touches: tuple[int, int]
    zone: str
    today: date

    @classmethod
    def around(cls, begin: int, lead_ms: int) -> "When":
        """Give the time of a run that begins at an instant, its touches at whole minutes after ``lead_ms``."""
        first = -((begin + lead_ms) // -MINUTE) * MINUTE
        east = 12 - datetime.fromtimestamp(first / 1000, UTC).hour  # hours to add until it is noon: -11 to 12
        there = datetime.fromtimestamp((begin + east * HOUR) / 1000, UTC)
        return cls(begin, (first, first + MINUTE), f"Etc/GMT{-east:+d}" if east else "UTC", there.date())

    def clock(self, instant: int) -> str:
        """Give the time of day of an instant in the run's zone."""
        minutes = 12 * 60 + (instant - self.touches[0] // HOUR * HOUR) // MINUTE
        return f"{minutes // 60:02d}:{minutes % 60:02d}"


def make_project(folder: Path, when: When) -> Path:
    """Write the project of a run into a folder, which must not exist."""
    folder.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__")
    for name in _PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    shutil.copytree(ROOT / "agents", folder / "agents", ignore=ignore)
    (folder / "agents" / "app.py").write_text(APP, encoding="utf-8")
    (folder / "journeys").mkdir()
    nine, ten = (when.clock(instant) for instant in when.touches)
    for name in MAIN:
        text = (ROOT / "journeys" / f"{name}.yaml").read_text(encoding="utf-8")
        moved = text.replace(" 09:00", f" {nine}").replace(" 10:00", f" {ten}")
        (folder / "journeys" / f"{name}.yaml").write_text(moved, encoding="utf-8")
    (folder / "journeys" / "document_in_seconds.yaml").write_text(SECONDS, encoding="utf-8")
    return folder
