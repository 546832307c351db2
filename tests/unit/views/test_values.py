"""What clients are told of a run's value."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.values import pack
from partita.views.values import MOST_BYTES, told_value


class Fitted:
    """What only workers open."""


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path)


def told(value: Any, blobs: FolderBlobs) -> Any:
    return told_value(pack(Encoder(blobs, b"k" * 32).encode(value)), blobs)


def test_plain_data_is_told_as_it_is(blobs: FolderBlobs) -> None:
    assert told({"score": 0.5, "names": ["a", "b"]}, blobs) == {"score": 0.5, "names": ["a", "b"]}
    assert told(None, blobs) is None and told_value(None, blobs) is None


def test_numbers_of_numpy_and_small_arrays_are_opened(blobs: FolderBlobs) -> None:
    assert told(np.float64(0.25), blobs) == 0.25
    assert told([np.arange(4), np.int64(3)], blobs) == [[0, 1, 2, 3], 3]


def test_what_is_large_is_named_by_its_hash(blobs: FolderBlobs) -> None:
    found = told({"one": np.zeros(MOST_BYTES), "rest": 1}, blobs)
    assert found["rest"] == 1
    assert found["one"]["size_bytes"] > MOST_BYTES and len(found["one"]["hash"]) == 64 and found["one"]["preview"]


def test_much_that_is_small_is_not_opened_either(blobs: FolderBlobs) -> None:
    found = told([np.full(MOST_BYTES // 32, each, float) for each in range(10)], blobs)
    opened = [item for item in found if isinstance(item, list)]
    assert 1 <= len(opened) <= 4 and all(item["hash"] for item in found[len(opened) :])


def test_what_only_workers_open_is_described(blobs: FolderBlobs) -> None:
    found = told({"model": Fitted(), "at": datetime.date(2026, 1, 2)}, blobs)
    assert "Fitted" in found["model"]["preview"] and found["model"]["codec"]


def test_a_blob_that_is_gone_is_described(blobs: FolderBlobs) -> None:
    packed = pack(Encoder(blobs, b"k" * 32).encode(np.arange(2000)))
    for file in blobs.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    assert told_value(packed, blobs)["hash"]
