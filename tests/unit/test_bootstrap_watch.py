"""Before timers pass a stalled source, this process must have watched for a while (design.md, "Time")."""

from itertools import accumulate

import pytest

from sojourn.bootstrap.watch import Watch

NOW = 1_780_000_000_000


@pytest.mark.parametrize(
    ("pauses", "says"),
    [
        pytest.param([0], [False], id="the first look says nothing"),
        pytest.param([0, 30_000, 29_999, 1], [False, False, False, True], id="a minute of looks is enough"),
        pytest.param([0, 30_000, 30_000, 30_001, 30_000, 30_000], [False, False, True, False, False, True], id="a gap"),
        pytest.param([0, 30_000, -1, 30_000, 30_000], [False, False, False, False, True], id="a clock that goes back"),
    ],
)
def test_a_watch(pauses: list[int], says: list[bool]) -> None:
    watch = Watch()
    assert [watch.looked(now) for now in accumulate(pauses, initial=NOW)][1:] == says
