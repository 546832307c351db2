"""Whole GPU devices belong to one lane, fractions share one."""

from __future__ import annotations

from partita.executors.devices import Devices


def test_whole_devices_are_not_shared() -> None:
    devices = Devices(["0", "1"])
    assert devices.take(1) == (("0", 1.0),)
    assert devices.take(1) == (("1", 1.0),)
    assert devices.take(1) == ()


def test_fractions_fill_one_device_before_the_next() -> None:
    devices = Devices(["0", "1"])
    first, second = devices.take(0.5), devices.take(0.5)
    assert first == second == (("0", 0.5),)
    assert devices.take(0.25) == (("1", 0.25),)
    assert devices.take(1) == ()
    devices.give_back(first)
    devices.give_back(second)
    assert devices.take(1) == (("0", 1.0),)


def test_thirds_add_up() -> None:
    devices = Devices(["0"])
    shares = [devices.take(1 / 3) for _ in range(3)]
    assert all(shares)
    for share in shares:
        devices.give_back(share)
    assert devices.take(1) == (("0", 1.0),)
