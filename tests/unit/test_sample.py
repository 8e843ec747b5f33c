"""The sample of the reference insurer: every line is an event, whenever the first start is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sojourn.cli.sample import fill, stages, zone_at
from sojourn.core.model import Event
from sojourn.core.zones import HOUR, to_local
from sojourn.definitions.catalogue import load_catalogue
from sojourn.errors import ConfigurationError
from sojourn.intake.decode import decode

ROOT = Path(__file__).parents[2]
NOON = int(datetime(2026, 3, 8, 4, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("hour", range(24))
def test_every_line_is_an_event_at_any_hour(hour: int) -> None:
    catalogue = load_catalogue(ROOT)
    now = NOON + hour * HOUR
    sent = [(wait, raw) for wait, raws in stages(ROOT, now) for raw in raws]
    events = [decode(raw, catalogue, now) for _, raw in sent]
    assert [event for event in events if not isinstance(event, Event)] == []
    assert len({event.id for event in events if isinstance(event, Event)}) == len(events) >= 20
    assert sum(wait for wait, _ in stages(ROOT, now)) <= 12


@pytest.mark.parametrize("hour", range(24))
def test_there_is_always_a_zone_where_it_is_day_and_one_where_it_is_night(hour: int) -> None:
    now = NOON + hour * HOUR
    day, night = (to_local(now, zone_at(now, wanted * HOUR))[1] // HOUR for wanted in (14, 2))
    assert 8 <= day < 21
    assert night >= 21 or night < 8


def test_slots_are_filled() -> None:
    assert fill({"a": ["{now-90m}", "{today+3}", 7]}, NOON) == {"a": ["2026-03-08T02:30:00.000Z", "2026-03-11", 7]}
    assert fill("{day_zone}", NOON) == "Asia/Shanghai"


def test_a_project_without_a_sample_sends_none(tmp_path: Path) -> None:
    assert list(stages(tmp_path, NOON)) == []


def test_a_broken_line_is_told(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "events.ndjson").write_text('{"a": 1}\n{\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="line=2"):
        list(stages(tmp_path, NOON))
