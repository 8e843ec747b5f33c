"""Back-off, buckets and circuits: never piling up, never hammering."""

import pytest

from sojourn.delivery.pace import (
    CALL_DELAYS_MS,
    LONGEST_MS,
    Bucket,
    Circuit,
    Throttle,
    backoff,
    call_delay,
    jitter,
)


@pytest.mark.parametrize(
    ("attempt", "base"), [(0, 2_000), (1, 2_000), (2, 4_000), (5, 32_000), (9, 300_000), (99, 300_000)]
)
def test_back_off_doubles_up_to_five_minutes_with_a_quarter_of_spread(attempt: int, base: int) -> None:
    for key in ("a", "b", "c"):
        assert 0.75 * base <= backoff(key, attempt) <= 1.25 * base


def test_back_off_is_the_same_on_every_replay_and_different_for_others() -> None:
    assert backoff("m1", 3) == backoff("m1", 3)
    assert len({backoff(f"m{n}", 9) for n in range(100)}) > 90
    assert all(0 <= jitter(f"m{n}", n) < 1 for n in range(100))


def test_retry_after_is_obeyed_up_to_an_hour_and_never_shortens() -> None:
    assert 60_000 <= backoff("m", 1, 60_000) < 61_000
    assert backoff("m", 12, 1_000) >= 0.75 * LONGEST_MS
    assert backoff("m", 1, 10**12) <= 3_601_000


def test_a_call_is_tried_five_more_times_within_half_an_hour() -> None:
    delays = [call_delay("c", attempt) for attempt in range(1, 7)]
    assert delays[-1] is None
    assert sum(delay for delay in delays if delay is not None) <= 30 * 60_000
    assert len([delay for delay in delays if delay is not None]) == len(CALL_DELAYS_MS) == 5


def test_a_bucket_lets_its_rate_through_and_no_more() -> None:
    bucket, now, sent = Bucket(10, 0), 0, 0
    for _ in range(1_000):
        free = bucket.free(now)
        assert free is not None
        bucket.take(free)
        sent += free
        now += 10
    assert 100 <= sent <= 111  # ten seconds at ten a second, and the burst of one second


def test_a_slow_rate_still_lets_one_through() -> None:
    bucket = Bucket(0.5, 0)
    assert bucket.free(0) == 1
    bucket.take(1)
    assert bucket.free(1_999) == 0
    assert bucket.free(2_000) == 1


def test_a_bucket_without_a_rate_bounds_nothing_and_a_clock_that_goes_back_fills_nothing() -> None:
    assert Bucket(None, 0).free(10) is None
    bucket = Bucket(1, 1_000)
    bucket.take(1)
    assert bucket.free(0) == 0
    assert bucket.free(1_000) == 0


def test_a_dead_gateway_is_probed_with_one_message_in_growing_distances() -> None:
    circuit, now, probes = Circuit(), 0, 0
    for _ in range(3):
        assert circuit.free(now, 64, 0) == 64
        circuit.failed(now, "refused", None)
    assert circuit.is_open
    while now < 600_000:
        if circuit.free(now, 64, 0):
            assert circuit.free(now, 64, 0) == 1
            assert circuit.free(now, 64, 1) == 0
            probes += 1
            circuit.failed(now, "refused", None)
        now += 100
    assert 20 <= probes <= 26


def test_failures_of_a_burst_count_as_one_probe() -> None:
    circuit = Circuit()
    for _ in range(64):
        circuit.failed(0, "refused", None)
    assert circuit.free(999, 64, 0) == 0
    assert circuit.free(1_000, 64, 0) == 1


def test_a_gateway_that_answers_is_alive_again() -> None:
    circuit = Circuit()
    for _ in range(5):
        circuit.failed(0, "503", 20_000)
    assert (circuit.free(19_999, 64, 0), circuit.free(20_000, 64, 0), circuit.code) == (0, 1, "503")
    circuit.answered()
    assert (circuit.free(0, 64, 0), circuit.code) == (64, None)


def test_a_throttling_provider_is_left_alone_until_the_instant_it_names() -> None:
    throttle = Throttle(64)
    assert throttle.free(0, 64, 0) == 64
    throttle.throttled(100, 1, 7_000)
    assert (throttle.free(7_099, 64, 0), throttle.free(7_100, 64, 0)) == (0, 32)
    assert (throttle.free(7_100, 54, 10), throttle.free(7_100, 24, 40)) == (22, 0)


def test_a_pause_is_never_shortened_and_ends_after_an_hour_at_the_latest() -> None:
    throttle = Throttle(8)
    throttle.throttled(0, 0, 10**12)
    throttle.throttled(1, 0, 2_000)
    assert (throttle.free(3_599_999, 8, 0), throttle.free(3_600_000, 8, 0)) == (0, 4)


def test_a_burst_that_is_thrown_back_halves_once_and_the_next_one_again() -> None:
    throttle = Throttle(64)
    for later in range(24):
        throttle.throttled(100 + later, 50, 1_000)
    assert throttle.free(2_000, 64, 0) == 32
    for start in range(1, 9):
        throttle.throttled(start * 10_000 + 5, start * 10_000, 1_000)
    assert throttle.free(100_000, 64, 0) == 1


def test_the_slots_grow_again_by_one_for_each_width_that_was_taken() -> None:
    throttle = Throttle(16)
    throttle.throttled(0, 0, 0)
    for _ in range(9):
        throttle.answered()
    assert throttle.free(1_000, 16, 0) == 9
    for _ in range(1_000):
        throttle.answered()
    assert throttle.free(1_000, 99, 0) == 16


def test_without_a_retry_after_the_pauses_grow_until_something_is_taken() -> None:
    throttle, now, pauses = Throttle(64), 0, []
    for _ in range(8):
        throttle.throttled(now, now, None)
        pauses.append(next(wait for wait in range(0, 60_001, 1_000) if throttle.free(now + wait, 64, 0)))
        now += pauses[-1]
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    throttle.answered()
    throttle.throttled(now, now, None)
    assert throttle.free(now + 1_000, 64, 0) > 0


def test_a_retry_after_of_nothing_does_not_hammer() -> None:
    throttle = Throttle(1)
    throttle.throttled(0, 0, 0)
    assert (throttle.free(999, 1, 0), throttle.free(1_000, 1, 0)) == (0, 1)
