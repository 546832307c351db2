"""Who vouches for what is pickled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from partita.artifacts.blobs.folder import FolderBlobs
from partita.artifacts.codecs.encoder import Encoder
from partita.artifacts.keys import workspace_key
from partita.artifacts.signing import (
    Signer,
    WorkerSigner,
    WorkspaceSigner,
    keep_worker_secret,
    share_signing,
    signer_of,
    worker_secret,
)  # fmt: skip
from partita.errors import DamagedError

EXECUTORS = ["boxes", "pods"]


class Thing:
    """Has no codec of its own."""

    def __init__(self, value: int) -> None:
        self.value = value


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    share_signing(folder)
    return folder


@pytest.fixture
def boxes(workspace: Path) -> Signer:
    return WorkerSigner(worker_secret(workspace, "boxes", EXECUTORS))


@pytest.fixture
def pods(workspace: Path) -> Signer:
    return WorkerSigner(worker_secret(workspace, "pods", EXECUTORS))


def test_all_of_a_workspace_open_what_one_of_them_has_pickled(
    workspace: Path, boxes: Signer, pods: Signer, tmp_path: Path
) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    everybody = [signer_of(workspace), boxes, pods]
    for writer in everybody:
        node = Encoder(blobs, writer).encode(Thing(7))
        assert [Encoder(blobs, reader).decode(node).value for reader in everybody] == [7, 7, 7]


def test_nobody_signs_as_another_executor(workspace: Path, boxes: Signer, pods: Signer) -> None:
    payload = b"made by pods"
    signature = pods.sign(payload)
    own = boxes.sign(payload)
    assert b"pods" in signature and b"boxes" in own
    forged = [
        own.replace(b"\x05boxes", b"\x04pods"),
        own.replace(b"\x05boxes", b"\x00"),
        signature[:-1] + bytes([signature[-1] ^ 1]),
    ]
    for reader in (signer_of(workspace), boxes, pods):
        assert reader.check(signature + payload) == len(signature)
        assert [reader.check(wrong + payload) for wrong in forged] == [None, None, None]
        assert reader.check(signature + b"another payload") is None


def test_the_secret_of_a_worker_holds_no_key_but_its_own(workspace: Path) -> None:
    mine, others = (json.loads(worker_secret(workspace, name, EXECUTORS)) for name in EXECUTORS)
    key = (workspace / "key").read_bytes().hex()
    assert mine["seed"] != others["seed"] and mine["ring"] == others["ring"]
    assert others["seed"] not in json.dumps(mine) and key not in json.dumps(mine)


def test_what_is_of_another_workspace_is_not_opened(workspace: Path, boxes: Signer, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    share_signing(stranger)
    data = signer_of(stranger).sign(b"x") + b"x"
    assert signer_of(workspace).check(data) is None and boxes.check(data) is None
    unknown = WorkerSigner(worker_secret(workspace, "new", ["new"])).sign(b"x") + b"x"
    assert signer_of(workspace).check(unknown) is not None and boxes.check(unknown) is None


def test_what_was_pickled_before_there_were_workers_elsewhere_stays_open_here(workspace: Path, boxes: Signer) -> None:
    before = WorkspaceSigner(workspace_key(workspace))
    data = before.sign(b"x") + b"x"
    assert signer_of(workspace).check(data) == 32
    with pytest.raises(DamagedError, match="rerun the step"):
        boxes.check(data)


def test_a_folder_of_a_worker_elsewhere_signs_for_its_executor(workspace: Path, tmp_path: Path) -> None:
    folder = tmp_path / "worker"
    folder.mkdir()
    keep_worker_secret(folder, worker_secret(workspace, "boxes", EXECUTORS))
    data = signer_of(folder).sign(b"x") + b"x"
    assert b"boxes" in data and signer_of(workspace).check(data) is not None
    assert [path for path in folder.iterdir() if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("size", [0, 1, 17, 18, 40])
def test_what_is_cut_off_is_signed_by_nobody(workspace: Path, boxes: Signer, size: int) -> None:
    assert signer_of(workspace).check(boxes.sign(b"x")[:size]) is None
