"""A thousand simulated worlds with several workers, faults and two versions of a journey; each one from a seed."""

import pytest

from tests.worlds.__main__ import again, wrong

WORLDS = 1_000
PART = 100


@pytest.mark.parametrize("first", range(1, WORLDS + 1, PART))
def test_a_hundred_worlds(first: int) -> None:
    bad = {seed: found for seed in range(first, first + PART) if (found := wrong(seed))}
    assert not bad, "\n".join(f"{again(seed)}\n  {found[0]}" for seed, found in bad.items())
