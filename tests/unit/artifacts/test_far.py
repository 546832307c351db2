"""Places behind URLs, and what is said of those that cannot be opened or do not answer."""

from __future__ import annotations

import sys

import pytest

from partita.artifacts.far import FarPlace
from partita.errors import MissingExtraError, ValueStoreError


def test_a_place_is_a_file_system_and_a_folder_in_it() -> None:
    place = FarPlace("memory://shelf/", "artifacts")
    place.files.pipe_file(f"{place.root}/a", b"1")
    assert place.is_atomic and place.files.ls(place.root, detail=False) == ["/shelf/a"]
    assert not FarPlace("file:///tmp", "artifacts").is_atomic


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(ValueStoreError, match="nonsense://x, for checkpoints, cannot be used"):
        FarPlace("nonsense://x", "checkpoints")


@pytest.mark.parametrize(
    ("module", "url", "told"), [("fsspec", "memory://x", "pip install"), ("dask", "dask://x", "needs more than fsspec")]
)
def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch, module: str, url: str, told: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=told):
        FarPlace(url, "artifacts")


def test_an_error_without_words_is_told_by_its_kind() -> None:
    place = FarPlace("memory://shelf", "the code")
    assert "the code cannot be reached at memory://shelf: TimeoutError; look at" in str(
        place.unreachable(TimeoutError())
    )
