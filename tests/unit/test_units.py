from __future__ import annotations

from datetime import timedelta

import pytest

from partita.errors import OptionError
from partita.units import duration_s, duration_text, size_bytes, size_text, whole_number


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(90, 90.0), ("90", 90.0), ("90s", 90.0), ("1h30m", 5400.0), ("250ms", 0.25), ("2d", 172800.0), ("1m 5s", 65.0),
     (timedelta(minutes=2), 120.0), (0, 0.0)],
)  # fmt: skip
def test_durations(written: object, seconds: float) -> None:
    assert duration_s(written) == seconds


@pytest.mark.parametrize("written", ["", "fast", "-1s", -1, True, None, float("nan"), float("inf"), "5 parsecs", "s"])
def test_what_is_no_duration(written: object) -> None:
    with pytest.raises(OptionError, match="timeout="):
        duration_s(written, "timeout")


@pytest.mark.parametrize(
    ("written", "size"),
    [(0, 0), (512, 512), ("512", 512), ("1KiB", 1024), ("2GB", 2 * 10**9), ("1.5 MiB", 1572864), ("3kb", 3000)],
)
def test_sizes(written: object, size: int) -> None:
    assert size_bytes(written) == size


@pytest.mark.parametrize("written", ["", "iB", "-1", -1, 1.5, True, "5 apples", None])
def test_what_is_no_size(written: object) -> None:
    with pytest.raises(OptionError, match="memory="):
        size_bytes(written, "memory")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.00 s"), (0.031, "0.03 s"), (0.0999, "0.1 s"), (59.94, "59.9 s"), (59.96, "1m 00s"), (65, "1m 05s"),
     (3599.7, "1h 00m"), (7380, "2h 03m"), (273600, "3d 04h")],
)  # fmt: skip
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (4096, "4.0 KiB"), (1023.99 * 1024, "1.0 MiB"), (3 << 40, "3.0 TiB")],
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize("text", ["", "+-5", "²", "9" * 5000, "1.5", "-11", "11", "x"])
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert whole_number(text, 10) is None


@pytest.mark.parametrize("text, number", [("5", 5), ("0", 0), ("-10", -10), (" +7 ", 7), ("007", 7), ("٣", 3)])
def test_whole_numbers_are_read(text: str, number: int) -> None:
    assert whole_number(text, 10) == number
