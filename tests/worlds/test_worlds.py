"""A thousand simulated worlds with several workers, faults and two versions of a journey; each one from a seed."""

import pytest

from tests.worlds.__main__ import again, wrong
from tests.worlds.against import differences
from tests.worlds.broken import BROKEN
from tests.worlds.shared import SharedTx
from tests.worlds.world import lived

WORLDS = 1_000
PART = 100
MUTATED = 200


@pytest.mark.parametrize("first", range(1, WORLDS + 1, PART))
def test_a_hundred_worlds(first: int) -> None:
    bad = {seed: found for seed in range(first, first + PART) if (found := wrong(seed))}
    assert not bad, "\n".join(f"{again(seed)}\n  {found[0]}" for seed, found in bad.items())


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: str(kind.__name__))
def test_a_store_that_breaks_a_promise_is_found(kind: type[SharedTx]) -> None:
    assert any(wrong(seed, kind) for seed in range(1, MUTATED + 1)), f"{kind.__doc__} Nothing was found"


def test_much_of_what_simulate_sends_is_compared() -> None:
    compared = sends = 0
    for seed in range(1, 41):
        _, some, of = differences(lived(seed))
        compared, sends = compared + some, sends + of
    assert sends > 1_000
    assert compared > sends * 0.3
