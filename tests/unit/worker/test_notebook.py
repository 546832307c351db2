"""A session's definitions are opened only where the workspace's key vouches for them, by the Python that wrote them."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from partita.artifacts.codecs.pickling import signed
from partita.artifacts.signing import WorkspaceSigner, signer_of
from partita.errors import DamagedError, LoadError
from partita.values import NOTEBOOK_FILE, pack
from partita.worker.notebook import Notebook


def held(**fields: object) -> bytes:
    import importlib.util

    known = {
        "magic": importlib.util.MAGIC_NUMBER, "python": "3.99.0", "pickles": {}, "uses": {}, "sources": {}, "digests": {}, "paths": [],
    }  # fmt: skip
    return pack(known | fields)


def test_what_was_changed_or_signed_elsewhere_is_not_opened(tmp_path: Path) -> None:
    data = signed(signer_of(tmp_path), held())
    (tmp_path / NOTEBOOK_FILE).write_bytes(data)
    assert Notebook(tmp_path, tmp_path).sources == {}
    for wrong in (data[:-1] + b"\x00", signed(WorkspaceSigner(b"another key"), held()), b"", data[:40]):
        (tmp_path / NOTEBOOK_FILE).write_bytes(wrong)
        with pytest.raises(DamagedError, match="not signed with this workspace's key"):
            Notebook(tmp_path, tmp_path)


def test_another_python_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / NOTEBOOK_FILE).write_bytes(signed(signer_of(tmp_path), held(magic=b"\x00\x00\r\n")))
    with pytest.raises(LoadError, match=r"runs on Python 3\.99\.0 .* into a \.py file"):
        Notebook(tmp_path, tmp_path)


def test_what_is_not_reached_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # put back afterwards
    monkeypatch.setitem(sys.modules, "partita.worker.__main__", sys.modules["__main__"])
    pickles = {"free": pickle.dumps(1), "caught": pickle.dumps(2), "trap": b"\x80\x05cno_such_module\nname\n."}
    data = held(pickles=pickles, uses={"caught": ["trap"], "": ["caught", "free"]})
    (tmp_path / NOTEBOOK_FILE).write_bytes(signed(signer_of(tmp_path), data))
    module = Notebook(tmp_path, tmp_path).install()
    assert sys.modules["__main__"] is module
    assert module.free == 1
    with pytest.raises(LoadError, match="trap, defined in the notebook, needs the module 'no_such_module'"):
        _ = module.caught
    with pytest.raises(AttributeError, match="no 'other'"):
        _ = module.other
