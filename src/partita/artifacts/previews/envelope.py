"""The outline of a sound: what people see of samples, and of a WAV file that is not read whole."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.artifacts.codecs.wav import WavFormat, read_header

if TYPE_CHECKING:
    from partita.artifacts.codecs.audio import Audio

__all__ = ["audio_record", "wav_record"]

_PAIRS = 400
_LOOKED_AT = 20_000  # frames for one pair; of more, some are left out
_READ_BYTES = 1 << 20  # of a file, in all


def audio_record(sound: Audio) -> dict[str, Any]:
    """The record of `artifacts.previews.display` of a sound."""

    def piece(start: int, end: int) -> Any:
        return sound.samples[start : end : max(1, (end - start) // _LOOKED_AT)]

    return _record(sound.channels, sound.rate_hz, sound.frames, piece)


def wav_record(path: Path) -> dict[str, Any] | None:
    """The record of a WAV file; None where it holds no plain samples. At most 1 MiB of it is read."""
    size_bytes = path.stat().st_size
    with open(path, "rb", buffering=io.DEFAULT_BUFFER_SIZE) as file:
        found = read_header(file, size_bytes)
        if found is None:
            return None
        form, begin = found
        block = form.width_bytes * form.channels
        most = max(1, _READ_BYTES // _PAIRS // block)

        def piece(start: int, end: int) -> Any:
            file.seek(begin + start * block)
            return _samples(file.read(min(end - start, most) * block), form)

        return _record(form.channels, form.rate_hz, form.frames, piece)


def _record(channels: int, rate_hz: int, frames: int, piece: Callable[[int, int], Any]) -> dict[str, Any]:
    count = min(frames, _PAIRS)
    edges = [frames * place // count for place in range(count + 1)] if count else []
    envelope = [_span(piece(start, end)) for start, end in pairwise(edges)]
    return {
        "kind": "audio", "rate_hz": rate_hz, "channels": channels, "duration_s": frames / rate_hz, "envelope": envelope,
    }  # fmt: skip


def _span(samples: Any) -> list[float]:
    """The lowest and the highest sample, in parts of full scale."""
    import numpy

    low, high = samples.min(), samples.max()
    if samples.dtype.kind == "f":
        finite = samples[numpy.isfinite(samples)] if not numpy.isfinite(low + high) else samples
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        return [round(min(max(float(end), -1.0), 1.0), 4) for end in (low, high)]
    full, silent = (128, 128) if samples.dtype.kind == "u" else (2 ** (8 * samples.dtype.itemsize - 1), 0)
    return [round((int(end) - silent) / full, 4) for end in (low, high)]


def _samples(data: bytes, form: WavFormat) -> Any:
    import numpy

    if form.width_bytes == 3:  # to four bytes, the lowest of which is nothing
        wide = numpy.zeros((len(data) // 3, 4), "uint8")
        wide[:, 1:] = numpy.frombuffer(data, "uint8", len(wide) * 3).reshape(-1, 3)
        return wide.view("<i4").reshape(-1)
    kind = "f" if form.is_float else "u" if form.width_bytes == 1 else "i"
    return numpy.frombuffer(data, f"<{kind}{form.width_bytes}", len(data) // form.width_bytes)
