"""Q7: a starting event enters only if it is newer than all that the journey has seen for this key in 30 days."""

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, small

AGAIN = f"flow: [{{id: a, {MAIL}}}]\nexit: {{when: policy.cancelled, because: over}}"
JOURNEYS = (
    small("again", AGAIN, again="after exit", only="again"),
    small(
        "often",
        f"flow: [{{id: a, {MAIL}}}]",
        again="after exit",
        when="{times: 2, of: enquiry.made, within: 7 days, by: product_line}",
        key="[product_line]",
        facts="{}",
        expire="",
    ),
)
FIRST = "2026-02-01 10:00"
THIRTY = "2026-03-03 10:00"


def starts(*bills: tuple[str, dict[str, object]]) -> int:
    p = Play(project(*JOURNEYS))
    for when, more in bills:
        place = {"policy_id": "P-1", "installment_no": 1, "entity": "P-1/1", "pay_method": "again"}
        p.event(when, "payment.due_scheduled", **(place | more))
    p.until("2026-06-01 00:00")
    return p.starts


@pytest.mark.parametrize(
    ("first", "later", "second", "enters"),
    [
        pytest.param({"seq": 5}, "2026-02-02 10:00", {"seq": 6}, 2, id="newer"),
        pytest.param({"seq": 5}, "2026-02-02 10:00", {"seq": 5}, 1, id="the same seq"),
        pytest.param({"seq": 5}, "2026-02-02 10:00", {"seq": 4}, 1, id="older"),
        pytest.param({"seq": 5}, THIRTY, {"seq": 4}, 1, id="30 days ago"),
        pytest.param({"seq": 5}, f"{THIRTY}:00.001", {"seq": 4}, 2, id="30 days and 1 ms ago: forgotten"),
        pytest.param({"seq": 5, "pay_method": "no"}, THIRTY, {"seq": 4}, 0, id="seen, though its condition failed"),
        pytest.param({"seq": 5, "pay_method": "no"}, f"{THIRTY}:00.001", {"seq": 4}, 1, id="and forgotten"),
        pytest.param(
            {"seq": 5, "pay_method": "no"}, "2026-02-02 10:00", {"seq": 6}, 1, id="condition failed, then newer"
        ),
        pytest.param({"seq": 5}, "2026-02-02 10:00", {"seq": 4, "installment_no": 2}, 2, id="another key"),
        pytest.param({"seq": 5}, "2026-02-02 10:00", {"seq": 4, "entity": "X"}, 2, id="another entity"),
        pytest.param({"seq": 5}, "2026-02-02 10:00", {"seq": None}, 2, id="without seq never stale"),
        pytest.param({"seq": None}, "2026-02-02 10:00", {"seq": 1}, 2, id="after one without seq"),
        pytest.param({"seq": 5}, "2026-02-02 10:00", {"seq": 4, "source": "X"}, 2, id="another source, occurred later"),
        pytest.param(
            {"seq": 5},
            "2026-02-02 10:00",
            {"seq": 9, "source": "X", "occurred": FIRST},
            1,
            id="another source, occurred then",
        ),
        pytest.param(
            {"seq": 5},
            "2026-02-02 10:00",
            {"seq": 9, "source": "X", "occurred": f"{FIRST}:00.001"},
            2,
            id="another source, occurred 1 ms later",
        ),
        pytest.param(
            {"seq": 5}, "2026-02-02 10:00", {"seq": 6, "occurred": "2026-01-01 10:00"}, 2, id="seq wins over time"
        ),
    ],
)
def test_a_start_must_be_newer(first: dict[str, object], later: str, second: dict[str, object], enters: int) -> None:
    assert starts((FIRST, first), (later, second)) == enters


def test_all_that_was_seen_counts_and_not_the_last_alone() -> None:
    assert starts((FIRST, {"seq": 5}), ("2026-02-02 10:00", {"seq": 3}), ("2026-02-03 10:00", {"seq": 4})) == 1


@pytest.mark.parametrize("seqs", [(1, 2), (2, 1), (9, 1), (None, None)])
def test_patterns_are_exempt(seqs: tuple[int | None, int | None]) -> None:
    p = Play(project(*JOURNEYS))
    for n, seq in enumerate(seqs):
        p.event(f"2026-02-01 1{n}:00", "enquiry.made", product_line="life", seq=seq)
    p.until("2026-02-01 12:00")
    assert p.starts == 1
