"""Kill anything: the short form of `make chaos`, with each kind of fault once."""

import logging
import os

import pytest

from tests.chaos.faults import KINDS
from tests.chaos.run import SHORT, chaos


@pytest.mark.serial
@pytest.mark.timeout(1200)
async def test_whatever_is_killed_the_log_is_that_of_simulate(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers are killed on purpose
    seed = int(os.environ.get("CHAOS_SEED", "322782"))
    told: list[str] = []
    with capsys.disabled():
        print(f"\nchaos: repeat it with .venv/bin/python -m tests.chaos --short --seed {seed}", flush=True)
    outcome = await chaos(seed, SHORT, told.append)
    story = "\n".join([f"seed {seed}", *told, *outcome.wrong[:50]])
    assert not outcome.wrong, story
    assert all(outcome.figures[f"fault: {kind}"] for kind in KINDS), story
    assert outcome.figures["messages as in simulate"] > outcome.figures["messages"] * 0.85, story
