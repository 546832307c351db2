"""Repositories of Hugging Face, by its library against a server of this machine that answers as theirs does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from partita.errors import DamagedError
from partita.models.hub import HubError, hub

COMMIT = "a" * 40
FILES = {
    "onnx/model.onnx": b"a model",
    "tokenizer.json": b"{}",
    "README.md": b"---\nlicense: apache-2.0\n---\n# A model",
    "plain.safetensors": b"tensors",
}
PINNED = f"hf://org/name/onnx/model.onnx@{COMMIT}"


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *words: object) -> None:
        """Nothing is logged."""

    def _answer(self, with_body: bool) -> None:
        repository, _, rest = self.path.split("?")[0].partition("/resolve/")
        revision, _, file = rest.partition("/")
        refusal = ""
        if repository != "/org/name":
            refusal = "GatedRepo" if repository == "/org/gated" else "RepoNotFound"
        elif revision not in ("main", "v1", COMMIT):
            refusal = "RevisionNotFound"
        elif file not in FILES:
            refusal = "EntryNotFound"
        data = b"" if refusal else FILES[file]
        self.send_response(403 if refusal == "GatedRepo" else 404 if refusal else 200)
        if refusal:
            self.send_header("X-Error-Code", refusal)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hash(data)}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    lead_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def lead_to(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", server)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server + "/{repo_id}/resolve/{revision}/{filename}")


def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on nobody answers."""
    lead_to("http://127.0.0.1:9", monkeypatch)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)  # between its attempts


def test_a_file_is_fetched_with_its_tokenizer_and_pinned(served: ThreadingHTTPServer) -> None:
    found = hub("hf://org/name/onnx/model.onnx@v1")
    assert found.path.read_bytes() == b"a model"
    assert (found.address, found.revision, found.format, found.licence) == (PINNED, COMMIT, "onnx", "apache-2.0")
    assert found.tokenizer is not None
    assert found.tokenizer.address == f"hf://org/name/tokenizer.json@{COMMIT}"
    assert hub("hf://org/name/onnx/model.onnx", revision=COMMIT, sha256=found.sha256) == found
    with pytest.raises(DamagedError, match=f"the SHA-256 of {PINNED}"):
        hub(PINNED, sha256="0" * 64)


def test_what_was_fetched_is_there_without_network(
    served: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = hub("hf://org/name/onnx/model.onnx")
    without_network(monkeypatch)
    assert hub(PINNED) == found
    assert hub("hf://org/name/onnx/model.onnx") == found
    with pytest.raises(HubError, match="is not in the cache, and Hugging Face cannot be reached"):
        hub("hf://org/name/plain.safetensors")


def test_offline_asks_nobody(served: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    found = hub(PINNED)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub(PINNED) == found
    with pytest.raises(HubError, match="or HF_HUB_OFFLINE is set"):
        hub("hf://org/name/plain.safetensors")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("hf://org/name/none.onnx", r"org/name has no file none\.onnx at its newest revision"),
        ("hf://org/name/onnx/model.onnx@v9", "org/name has no revision 'v9'"),
        ("hf://org/other/model.onnx", "knows no repository org/other"),
        ("hf://org/gated/model.onnx", "org/gated is given to who has asked for it only"),
    ],
)
def test_what_is_not_there_is_told(served: ThreadingHTTPServer, address: str, told: str) -> None:
    with pytest.raises(HubError, match=told):
        hub(address)
