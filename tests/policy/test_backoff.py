"""The formula of every back-off: doubled pauses, a bound, a share by jitter, and the time that the service asked for."""

import pytest

from aiolambda.policy.retry import backoff


@pytest.mark.parametrize(
    ("failures", "pause"), [(0, 0.05), (1, 0.1), (6, 3.2), (7, 5.0), (10**9, 5.0)], ids=["first", "second", "7th", "8th", "any"]
)
def test_pauses_double_up_to_the_longest(failures: int, pause: float) -> None:
    assert backoff(failures, base=0.05, longest=5.0) == pytest.approx(pause)


def test_jitter_does_not_shorten_retry_after() -> None:
    assert backoff(1, base=1.0, longest=60.0, jitter=0.25, asked=3.0) == 3.5
    assert backoff(1, base=1.0, longest=60.0, jitter=0.0, asked=3.0) == 3.0
