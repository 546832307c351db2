"""What an attempt uses is told of each by itself, also in a worker that has worked on others before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from partita.worker import meter
from partita.worker.meter import Meter

LARGE = 300 << 20


@pytest.fixture
def worker() -> Any:
    try:  # whatever other tests have held
        Path("/proc/self/clear_refs").write_bytes(b"5")
    except OSError:
        pytest.skip("the kernel does not let the peak be reset")
    return SimpleNamespace(wear_out=lambda reason: None, capture=SimpleNamespace(check=lambda: None))


def hold(size: int) -> None:
    held = bytearray(size)
    held[:: 1 << 12] = b"\1" * len(held[:: 1 << 12])


def test_each_of_several_attempts_has_a_peak_of_its_own(worker: Any) -> None:
    measure = Meter()
    base = measure.resident_bytes()
    peaks = []
    for size in (LARGE, 0, LARGE, LARGE // 2, LARGE):
        hold(size)
        measure.look(worker)
        peaks.append(measure.peak_bytes - base)
    assert all(peaks[i] > 0.9 * LARGE for i in (0, 2, 4)), peaks
    assert peaks[1] < 0.2 * LARGE and 0.4 * LARGE < peaks[3] < 0.7 * LARGE, peaks


def test_where_the_kernel_does_not_let_the_peak_be_reset_the_highest_is_told_once(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "_RESET_PEAK", "/proc/self/no-such-file")
    measure = Meter()
    base = measure.resident_bytes()
    hold(2 * LARGE)
    measure.look(worker)
    assert measure.peak_bytes - base > 1.8 * LARGE
    hold(LARGE)
    measure.look(worker)
    assert measure.peak_bytes - base < 0.2 * LARGE
    hold(3 * LARGE)
    measure.look(worker)
    assert measure.peak_bytes - base > 2.7 * LARGE
