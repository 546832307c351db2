"""Objects, the ground of mailboxes: in a folder, in memory and in an S3 server; there, how many requests they take."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.objects import UrlObjects, open_objects
from partita.protocol.objects import Objects
from tests.integration.s3_server import running_bucket

pytestmark = pytest.mark.integration


@pytest.fixture(params=["folder", "memory", "s3"])
def objects(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    if request.param == "folder":
        yield open_objects(os.fspath(tmp_path / "objects"))
        return
    fsspec = pytest.importorskip("fsspec")
    if request.param == "memory":
        yield open_objects(f"memory://objects-{os.urandom(4).hex()}")
        return
    pytest.importorskip("moto.server")
    with running_bucket(monkeypatch) as bucket:
        fsspec.get_filesystem_class("s3").clear_instance_cache()  # of another test's server
        yield open_objects(f"{bucket}/objects")


def test_what_is_put_is_there_and_what_is_not_is_not(objects: Objects) -> None:
    assert objects.get("post/letter") is None
    assert objects.names("post") == []
    objects.put("post/letter", b"one")
    objects.put("post/letter", b"two")
    assert objects.get("post/letter") == b"two"
    assert objects.create("post/other", b"1")
    assert not objects.create("post/other", b"2")
    assert sorted(objects.names("post")) == ["post/letter", "post/other"]
    objects.remove(["post/letter", "post/never"])
    assert objects.names("post") == ["post/other"]


def test_an_object_may_be_empty(objects: Objects) -> None:
    objects.put("post/empty", b"")
    assert objects.get("post/empty") == b""


def test_a_look_is_one_request(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox is looked into many times a second, and each request takes its time and costs something."""
    files = getattr(objects, "_files", None)
    if not isinstance(objects, UrlObjects) or not hasattr(files, "_call_s3"):
        pytest.skip("these ask nobody")
    asked: list[str] = []
    call: Callable[..., Any] = files._call_s3

    async def counting(method: str, *arguments: Any, **options: Any) -> Any:
        asked.append(method)
        return await call(method, *arguments, **options)

    objects.put("post/letter", b"one")
    monkeypatch.setattr(files, "_call_s3", counting)
    assert objects.get("post/none") is None
    assert objects.get("post/letter") == b"one"
    assert asked == ["get_object", "get_object"]
