"""How often signing in may be tried, as time goes by."""

from __future__ import annotations

import pytest

from partita.auth.limits import FailureLimits, SignInLimits, network_of
from partita.errors import TooOftenError


def tries(limits: SignInLimits, address: str, account: str = "", now_s: float = 0.0, most: int = 1000) -> int:
    """How many tries in a row are let through."""
    for count in range(most):
        try:
            limits.take(address, account, now_s)
        except TooOftenError:
            return count
    return most


def test_an_address_has_some_tries_and_then_one_in_a_while() -> None:
    limits = SignInLimits(per_address=5, refill_s=10.0)
    assert tries(limits, "10.0.0.1") == 5 and tries(limits, "10.0.0.2") == 5
    assert tries(limits, "10.0.0.1", now_s=9.0) == 0 and tries(limits, "10.0.0.1", now_s=10.0) == 1
    assert tries(limits, "10.0.0.1", now_s=31.0) == 2 and tries(limits, "10.0.0.1", now_s=1e6) == 5


def test_who_is_refused_is_told_when_to_try_again() -> None:
    limits = SignInLimits(per_address=1, refill_s=10.0)
    limits.take("10.0.0.1", "", 0.0)
    with pytest.raises(TooOftenError, match="try again in 7 s") as caught:
        limits.take("10.0.0.1", "", 3.0)
    assert caught.value.wait_s == pytest.approx(7.0)


def test_an_account_is_protected_from_many_addresses() -> None:
    limits = SignInLimits(per_address=5, per_account=12, refill_s=10.0)
    assert sum(tries(limits, f"10.0.0.{number}", "ann") for number in range(10)) == 12
    assert tries(limits, "10.0.1.1", "bob") == 5


def test_a_stranger_with_one_address_does_not_shut_somebody_out() -> None:
    limits = SignInLimits(per_address=5, per_account=12)
    tries(limits, "6.6.6.6", "ann")
    assert tries(limits, "10.0.0.1", "ann") == 5


def test_success_is_not_counted_but_gives_an_address_no_tries_at_others() -> None:
    limits = SignInLimits(per_address=5, per_account=12, refill_s=1e9)
    for _ in range(100):
        limits.take("10.0.0.1", "eve", 0.0)
        limits.succeeded("10.0.0.1", "eve")
    guessed = 0
    for _ in range(100):
        guessed += tries(limits, "10.0.0.1", "ann", most=1)
        try:
            limits.take("10.0.0.1", "eve", 0.0)
            limits.succeeded("10.0.0.1", "eve")
        except TooOftenError:
            pass
    assert guessed <= 5


def test_memory_is_bounded_and_full_memory_gives_no_fresh_tries() -> None:
    limits = SignInLimits(per_address=5, per_account=5, refill_s=10.0, most=100)
    tries(limits, "10.0.0.1")
    passed = sum(tries(limits, f"11.{n >> 8 & 255}.{n & 255}.1", f"user{n}", now_s=1.0) for n in range(3000))
    assert len(limits) <= 202 and passed <= 5 * 102
    assert tries(limits, "10.0.0.1", now_s=1.0) == 0, "others pushed it out"
    assert tries(limits, "12.0.0.1", now_s=1e4) == 5 and len(limits) < 110


def test_a_clock_that_goes_back_gives_no_tries() -> None:
    limits = SignInLimits(per_address=2, refill_s=1.0)
    assert tries(limits, "10.0.0.1", now_s=100.0) == 2
    assert tries(limits, "10.0.0.1", now_s=0.0) == 0 and tries(limits, "10.0.0.1", now_s=100.0) == 0


@pytest.mark.parametrize(
    "address, counted",
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("unix:", "unix:"), ("x" * 900, "x" * 200),
    ],
)  # fmt: skip
def test_what_counts_as_one_address(address: str, counted: str) -> None:
    assert network_of(address) == counted


def test_failures_of_one_address_are_limited_and_of_others_are_not() -> None:
    limits = FailureLimits(per_address=3, refill_s=2.0, most=10)
    for _ in range(10):
        limits.failed("10.0.0.1", 0.0)
    assert limits.wait_s("10.0.0.1", 0.0) == 2.0, "what came beyond the limit makes nobody wait longer"
    assert limits.wait_s("10.0.0.1", 1.5) == 0.5 and limits.wait_s("10.0.0.1", 2.0) == 0.0
    assert limits.wait_s("10.0.0.2", 0.0) == 0.0
    for number in range(1000):
        limits.failed(f"10.1.{number // 250}.{number % 250}", 0.0)
    assert len(limits) <= 11
