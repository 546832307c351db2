"""What a stranger with a token may name over HTTP, and that no number that is sent ends the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Served, serving

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("references") / "project"
    folder.mkdir()
    (folder / "partita.toml").touch()
    (folder / "flows.py").write_text("from partita import flow\n\n\n@flow\ndef one(n: int = 1) -> int:\n    return n\n")
    (folder.parent / "outside.py").write_text("from partita import flow\n\n\n@flow\ndef one() -> int:\n    return 1\n")
    made = serving(folder)
    yield made
    made.stop()


@pytest.mark.parametrize(
    "path, name",
    [
        ("/flows/check", "flow"),
        ("/flows/plan", "flow"),
        ("/flows/convert", "flow"),
        ("/runs", "flow"),
        ("/studies", "flow"),
    ],
)
@pytest.mark.parametrize(
    "flow", ["subprocess:getoutput", "os:system", "../outside.py:one", "{outside}", "flows.py:../outside", "flows:one"]
)
def test_only_flows_of_the_project_can_be_named(
    served: Served, tmp_path: Path, path: str, name: str, flow: str
) -> None:
    """A reference names any function of any module, and laying it out calls it."""
    told = flow.replace("{outside}", f"{served.folder.parent}/outside.py:one")
    proof = tmp_path / "proof"
    inputs = {"cmd": f"touch {proof}", "command": f"touch {proof}"} if ":" in flow else {}
    answer = served.ask("POST", f"/api/v1{path}", {name: told, "inputs": inputs})
    assert answer.status == 404, answer.data
    assert "no flow of the project's files" in answer.json()["detail"] and not proof.exists()


def test_flows_of_the_project_are_checked(served: Served) -> None:
    assert served.post("/api/v1/flows/check", {"flow": "flows.py:one"})["problems"] == []


@pytest.mark.parametrize("cursor", [1 << 63, 1 << 200, -5, "1e400", "1.2", "x", "-", "%00"])
@pytest.mark.parametrize("path", ["/runs", "/runs/latest/steps"])
def test_no_cursor_ends_the_engine(served: Served, path: str, cursor: object) -> None:
    served.wait(served.launch("flows.py:one"))
    before = served.get("/api/v1/engine")["pid"]
    answer = served.ask("GET", f"/api/v1{path}?cursor={cursor}")
    assert (answer.status, answer.json()["title"]) == (422, "RequestError")
    assert served.get("/api/v1/engine")["pid"] == before


def test_what_nobody_expects_does_not_end_the_engine(served: Served) -> None:
    """The socket's own clients are believed; a fault of theirs is theirs alone."""
    from partita.errors import ProtocolError
    from partita.workspace import open_workspace

    workspace = open_workspace(served.folder)
    before = workspace.engine()
    with pytest.raises(ProtocolError):
        workspace.ask("runs", before=(1 << 64) - 1)
    after = workspace.engine()
    workspace.close()
    assert before is not None and after is not None and before["pid"] == after["pid"]


def test_a_stream_ends_with_the_token_that_asked_for_it(served: Served) -> None:
    """At the next sign of life at the latest."""
    import urllib3

    made = served.post("/api/v1/tokens", {"name": "short", "role": "viewer"})
    answer = urllib3.PoolManager().request(
        "GET", f"{served.url}/api/v1/events", headers={"authorization": f"Bearer {made['secret']}"},
        preload_content=False, timeout=60.0,
    )  # fmt: skip
    assert answer.status == 200
    assert served.ask("DELETE", f"/api/v1/tokens/{made['token']['id']}").status < 300
    assert b"".join(answer.stream(1 << 12)).startswith(b"retry:")
    answer.release_conn()
