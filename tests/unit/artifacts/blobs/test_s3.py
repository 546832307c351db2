"""Blobs in S3, over HTTP, with the server of moto."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.artifacts.blobs.remote import RemoteBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.errors import DamagedError, ValueStoreError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
server = pytest.importorskip("moto.server")
pytest.importorskip("s3fs")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import s3fs

    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    _, port = running.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"bucket-{secrets.token_hex(6)}"  # the server keeps what it has in this process
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}/project"
    s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


def test_values_written_by_one_machine_are_read_by_another(bucket: str, tmp_path: Path) -> None:
    one, two = (Encoder(RemoteBlobs(bucket, tmp_path / name), b"k" * 32) for name in ("one", "two"))
    node = one.encode({"text": "é" * 10**5, "bytes": os.urandom(2 << 20)})
    assert two.blobs.preview(node[2][0][2]) == one.blobs.preview(node[2][0][2]) is not None
    assert two.decode(node)["text"] == "é" * 10**5
    assert not two.blobs.exists("0" * 64)


def test_a_blob_in_many_parts_is_whole(bucket: str, tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 120  # more than s3fs sends at once
    digest = RemoteBlobs(bucket, tmp_path / "one").put(data)
    assert RemoteBlobs(bucket, tmp_path / "two").get(digest) == data


def test_what_was_changed_or_removed_there_is_refused(bucket: str, tmp_path: Path) -> None:
    import s3fs

    files = s3fs.S3FileSystem()
    digest = RemoteBlobs(bucket, tmp_path / "one").put(b"something")
    place = f"{bucket}/{digest[:2]}/{digest[2:]}"
    for data in (b"", b"somethin", b"somethinG"):
        files.pipe_file(place, data)
        with pytest.raises(DamagedError, match="the step that made it"):
            RemoteBlobs(bucket, tmp_path / f"of{len(data)}{data[-1:].decode()}").get(digest)
    files.rm(place)
    files.invalidate_cache()
    with pytest.raises(DamagedError, match="Rerun"):
        RemoteBlobs(bucket, tmp_path / "two").get(digest)


def test_a_bucket_that_is_not_there_is_an_error_that_says_so(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(ValueStoreError, match="s3://nowhere"):
        RemoteBlobs("s3://nowhere/at/all", tmp_path / "cache").put(b"something")
