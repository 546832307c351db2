"""Sound as a value: samples with their rate, kept as a WAV file without loss."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from partita.artifacts.blobs.hashing import Buffer
from partita.artifacts.codecs.wav import WavFormat, own_header, read_own_header

if TYPE_CHECKING:
    import numpy

__all__ = ["CODECS", "Audio"]

_TYPES = ("uint8", "int16", "int32", "float32", "float64")


class Audio:
    """A sound that a task returns or takes; stored as a WAV file, and shown by its waveform.

    Args:
        samples: a NumPy array of shape (frames,) or (frames, channels). Of float32 and float64, from -1 to 1 is full scale;
            int16 and int32 have all of their range, and uint8 is silent at 128.
        rate_hz: frames a second.

    Raises:
        TypeError: the samples are of another type, or the rate is no integer.
        ValueError: the samples have another shape, or the rate is not positive.
    """

    __slots__ = ("rate_hz", "samples")

    samples: numpy.ndarray[Any, Any]
    rate_hz: int

    def __init__(self, samples: numpy.ndarray[Any, Any], rate_hz: int) -> None:
        import numpy

        samples = numpy.asarray(samples)
        if samples.dtype.name not in _TYPES:
            raise TypeError(
                f"samples are of type {samples.dtype}, not of {', '.join(_TYPES)}; convert them by astype()"
            )
        if samples.ndim not in (1, 2) or (samples.ndim == 2 and not samples.shape[1]):
            raise ValueError(
                f"samples have the shape {samples.shape}, not (frames,) or (frames, channels); where channels come first, "
                "pass samples.T"
            )
        self.samples = samples
        self.rate_hz = operator.index(rate_hz)
        if self.rate_hz <= 0:
            raise ValueError(f"a rate of {rate_hz} Hz is not positive; give the frames a second")

    @property
    def frames(self) -> int:
        """How many samples each channel has."""
        return len(self.samples)

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return self.samples.shape[1] if self.samples.ndim == 2 else 1

    @property
    def duration_s(self) -> float:
        """How long it takes."""
        return self.frames / self.rate_hz

    def __eq__(self, other: object) -> bool:
        if type(other) is not Audio or self.rate_hz != other.rate_hz:
            return False
        mine, others = self.samples, other.samples
        return mine.dtype == others.dtype and mine.shape == others.shape and mine.tobytes() == others.tobytes()

    __hash__ = None  # type: ignore[assignment]  # the samples may change

    def __repr__(self) -> str:
        channels = f"{self.channels} channel" + "s" * (self.channels != 1)
        return f"Audio {self.duration_s:.3g} s, {channels} at {self.rate_hz:,} Hz, {self.samples.dtype}"

    def _repr_html_(self) -> str:
        from partita.artifacts.previews.envelope import audio_record
        from partita.drawing.record_html import record_html

        return record_html(audio_record(self))


class WavFiles:
    """A WAV file: PCM of uint8, int16 and int32, IEEE floats of float32 and float64."""

    name = "audio"

    def matches(self, value: Any) -> bool:
        """Whether a WAV file keeps it: little-endian, at most 4 GiB, rates and frames within the format's numbers."""
        import numpy

        return (
            type(value) is Audio and type(value.samples) is numpy.ndarray and type(value.rate_hz) is int
            and value.samples.dtype.str in _CODES and own_header(_format_of(value)) is not None
        )  # fmt: skip

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The header, the samples, and a byte where their number is odd."""
        import numpy

        form = _format_of(value)
        header = own_header(form)
        assert header is not None
        if not form.size_bytes:
            return (header,)
        flat: Any = numpy.ascontiguousarray(value.samples).reshape(-1).view(numpy.uint8)
        return (header, memoryview(flat), b"\0" * (form.size_bytes % 2))

    def decode(self, data: memoryview) -> Any:
        """The sound; its samples share the view's memory where that may be written to."""
        import numpy

        form, start = read_own_header(data)
        body = data[start : start + form.size_bytes]
        if body.readonly:
            body = memoryview(bytearray(body))
        dtype = next(code for code, told in _CODES.items() if told == (form.is_float, form.width_bytes))
        samples = numpy.frombuffer(body, dtype) if form.size_bytes else numpy.empty(0, dtype)
        return Audio(samples.reshape(form.frames, form.channels) if form.has_columns else samples, form.rate_hz)


#: By NumPy's code of a type: (whether it is a float, bytes of a sample).
_CODES = {"|u1": (False, 1), "<i2": (False, 2), "<i4": (False, 4), "<f4": (True, 4), "<f8": (True, 8)}


def _format_of(value: Audio) -> WavFormat:
    is_float, width_bytes = _CODES[value.samples.dtype.str]
    return WavFormat(is_float, width_bytes, value.channels, value.rate_hz, value.frames, value.samples.ndim == 2)


CODECS = (WavFiles(),)
