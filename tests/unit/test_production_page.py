"""The explanation of production names the instants that the code keeps."""

from pathlib import Path

from sojourn.core.behind import SERVICE_LEAD_MS
from sojourn.intake.frontier import BEHIND_MS, MARGIN_MS, STALLED_MS
from sojourn.kafka.merging import HOLD_S
from sojourn.outputs import DEAD_LETTERS, INSTANCES, MESSAGES, WEBHOOKS

WORDS = {2: "two", 4: "four", 6: "six", 10: "ten", 30: "thirty"}


def test_the_explanation_of_production_names_the_instants_of_the_code() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs/explanation/production.md").read_text(encoding="utf-8").split())
    assert f"at most {WORDS[int(HOLD_S)]} seconds" in page
    assert f"less {WORDS[MARGIN_MS // 1_000]} seconds for replication" in page
    assert f"moved for {WORDS[STALLED_MS // 60_000]} minutes is **stalled**" in page
    assert f"{WORDS[SERVICE_LEAD_MS // 3_600_000]} hours before they lose their use" in page
    assert f"more than {WORDS[BEHIND_MS // 1_000]} seconds behind" in page
    assert f"told on {WORDS[len({MESSAGES, INSTANCES, WEBHOOKS, DEAD_LETTERS})]} topics" in page
