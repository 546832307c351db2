"""Sounds come back as they were, as WAV files that others read, and show their waveform."""

from __future__ import annotations

import io
import math
import wave
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from partita import Audio
from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.artifacts.codecs.port import codec_named
from partita.artifacts.previews.display import PREVIEW_BYTES, display
from partita.artifacts.previews.envelope import wav_record
from partita.errors import DamagedError
from partita.values import BLOB, INLINE, unpack

# The folder of a test is shared by its examples: blobs are named by what they hold.
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
TYPES = ("uint8", "int16", "int32", "float32", "float64")
samples = st.sampled_from(TYPES).flatmap(
    lambda name: arrays.arrays(
        name, st.one_of(st.tuples(st.integers(0, 9)), st.tuples(st.integers(0, 9), st.integers(1, 3)))
    )
)


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return Encoder(FolderBlobs(tmp_path / "blobs"), b"k" * 32)


def shown(value: Any) -> Any:
    record = display(value)
    assert record is not None and len(record) <= PREVIEW_BYTES
    return unpack(record)


@relaxed
@given(samples, st.integers(1, 2**20))
def test_sounds_come_back(encoder: Encoder, array: Any, rate_hz: int) -> None:
    sound = Audio(array, rate_hz)
    node = encoder.encode(sound)
    assert node[:2] == [BLOB, "audio"]  # people want to see it, however small it is
    back = encoder.decode(node)
    assert back == sound and back.rate_hz == rate_hz
    assert back.samples.dtype == array.dtype and back.samples.shape == array.shape
    assert back.samples.tobytes() == array.tobytes() and back.samples.flags.writeable and back.samples.flags.aligned
    assert encoder.encode(back) == node


@pytest.mark.parametrize(
    "array",
    [
        numpy.arange(12, dtype="int16").reshape(2, 6).T, numpy.arange(12, dtype="int16")[::-2],
        numpy.array([math.nan, math.inf, -0.0, 1e-310]), numpy.zeros((600_000, 2), "float32"), numpy.zeros(3, "uint8"),
    ],
    ids=["Fortran", "backwards", "odd floats", "mapped", "padded"],
)  # fmt: skip
def test_sounds_of_other_layouts_come_back(encoder: Encoder, array: Any) -> None:
    node = encoder.encode(Audio(array, 8000))
    back = encoder.decode(node)
    assert node[1] == "audio" and back.samples.shape == array.shape and back.samples.tobytes() == array.tobytes()
    if len(array):
        back.samples[0] = 7  # it may be written to, and the blob stays
    assert encoder.decode(node).samples.tobytes() == array.tobytes()


@pytest.mark.parametrize("sound", [
    Audio(numpy.arange(4, dtype=">i2"), 8000), Audio(numpy.zeros((1, 40_000), "int16"), 8000),
    Audio(numpy.zeros(1, "int16"), 2**32), Audio(numpy.zeros((1, 2**16), "uint8"), 1),
], ids=["byte order", "wide frames", "rate", "channels"])  # fmt: skip
def test_what_a_wav_file_cannot_say_is_pickled(encoder: Encoder, sound: Audio) -> None:
    node = encoder.encode(sound)
    assert node[1] == "pickle" and encoder.decode(node) == sound


def test_more_than_four_gigabytes_are_no_wav_file(encoder: Encoder) -> None:
    codec = codec_named("audio")
    huge = numpy.broadcast_to(numpy.zeros(1, "float64"), 2**29)  # takes no memory
    assert codec is not None and not codec.matches(Audio(huge, 8000)) and codec.matches(Audio(huge[:-16], 8000))


@pytest.mark.parametrize("name", ["uint8", "int16", "int32"])
@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 2)])
def test_other_programs_read_it(encoder: Encoder, name: str, shape: tuple[int, ...]) -> None:
    array = numpy.arange(math.prod(shape), dtype=name).reshape(shape)
    node = encoder.encode(Audio(array, 44_100))
    with wave.open(str(encoder.blobs.path(node[2]))) as read:
        assert (read.getframerate(), read.getnframes(), read.getnchannels()) == (44_100, 5, array[0].size)
        assert read.getsampwidth() == array.dtype.itemsize and read.readframes(5) == array.tobytes()


def test_other_bytes_are_refused(encoder: Encoder) -> None:
    codec = codec_named("audio")
    assert codec is not None
    data = b"".join(codec.encode(Audio(numpy.arange(5, dtype="uint8"), 8000)))
    for place in range(128):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            back = codec.decode(memoryview(changed))
        except ValueError:
            continue
        assert b"".join(codec.encode(back)) == changed  # another sound: its rate, or whether it has a column
    for other in (b"", data[:-1], data + b"\0", data[:128], b"RIFF" + b"\0" * 200):
        with pytest.raises(ValueError, match="WAV"):
            codec.decode(memoryview(other))
    with pytest.raises(DamagedError, match="rerun"):
        encoder.decode([INLINE, "audio", b"no sound", ""])


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(TypeError, match="astype"):
        Audio(numpy.arange(5), 8000)
    with pytest.raises(ValueError, match=r"samples\.T"):
        Audio(numpy.zeros((2, 2, 2), "int16"), 8000)
    with pytest.raises(ValueError, match="not positive"):
        Audio(numpy.zeros(2, "int16"), 0)
    with pytest.raises(TypeError):
        Audio(numpy.zeros(2, "int16"), 8000.5)  # type: ignore[arg-type]


def test_it_says_what_it_is() -> None:
    sound = Audio(numpy.zeros((12_000, 2), "int16"), 8000)
    assert (sound.frames, sound.channels, sound.duration_s) == (12_000, 2, 1.5)
    assert repr(sound) == "Audio 1.5 s, 2 channels at 8,000 Hz, int16"
    assert sound != Audio(sound.samples, 8001) and sound != Audio(sound.samples[:, 0], 8000)
    assert "<svg" in sound._repr_html_()


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("frames", [0, 1, 399, 100_003])
def test_it_shows_its_waveform(name: str, frames: int) -> None:
    tone = numpy.sin(numpy.linspace(0, 3000, frames))
    scale = {"uint8": 127, "int16": 32767, "int32": 2**31 - 1}.get(name, 1)
    array = (tone * scale + (128 if name == "uint8" else 0)).astype(name)
    record = shown(Audio(array, 1000))
    assert (record["rate_hz"], record["channels"], record["duration_s"]) == (1000, 1, frames / 1000)
    assert len(record["envelope"]) == min(frames, 400)
    assert all(-1 <= low <= high <= 1 for low, high in record["envelope"])
    if frames > 1000:
        assert min(low for low, _ in record["envelope"]) < -0.98 and max(high for _, high in record["envelope"]) > 0.98


def test_a_waveform_of_numbers_that_are_none() -> None:
    record = shown(Audio(numpy.array([math.nan, 5.0, -math.inf, 0.5]), 4))
    assert record["envelope"] == [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.5, 0.5]]


def file_of(width: int, channels: int, frames: bytes, rate_hz: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate_hz)
        written.writeframes(frames)
    return file.getvalue()


def test_a_wav_file_of_anybody_shows_its_waveform(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(file_of(3, 2, bytes.fromhex("ffff7f000080000000000040") * 10))
    record = wav_record(file)
    assert record is not None and record["channels"] == 2 and record["duration_s"] == 20 / 8000
    assert record["envelope"][:2] == [[-1.0, 1.0], [0.0, 0.5]]
    file.write_bytes(file_of(2, 1, b"\0\x40" * 3_000_000))
    record = wav_record(file)
    assert record is not None and record["envelope"] == [[0.5, 0.5]] * 400


@relaxed
@given(st.integers(0, 60), st.integers(0, 255), st.integers(0, 80))
def test_a_broken_wav_file_shows_nothing_or_something(tmp_path: Path, place: int, byte: int, length: int) -> None:
    data = bytearray(file_of(2, 1, bytes(range(20))))
    data[min(place, len(data) - 1)] = byte
    file = tmp_path / "a.wav"
    file.write_bytes(data[:length])
    record = wav_record(file)
    assert record is None or record["kind"] == "audio"
