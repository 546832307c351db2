"""`partita dev`: pages hear that the project's code has changed."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path

import pytest
import urllib3

from tests.serving import serving

pytestmark = pytest.mark.integration


def test_a_change_of_the_code_is_told(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").touch()
    file = tmp_path / "flows.py"
    file.write_text("from partita import flow\n\n\n@flow\ndef first() -> int:\n    return 1\n")
    served = serving(tmp_path, "--no-open", command="dev")
    try:
        told: list[list[list[str]]] = []
        heard = threading.Event()
        answer = urllib3.PoolManager().request(
            "GET", f"{served.url}/api/v1/events", headers={"authorization": f"Bearer {served.token}"},
            preload_content=False, timeout=60.0,
        )  # fmt: skip

        def listen() -> None:
            with contextlib.suppress(urllib3.exceptions.ProtocolError):  # the server ends
                for line in answer:
                    if line.startswith(b"data: ["):
                        told.append(json.loads(line[6:]))
                        if ["flows", ""] in told[-1]:
                            heard.set()
                            return

        threading.Thread(target=listen, daemon=True).start()
        assert [item["name"] for item in served.get("/api/v1/flows")] == ["first"]
        file.write_text(file.read_text() + "\n\n@flow\ndef second() -> int:\n    return 2\n")
        assert heard.wait(30), told
        assert "second" in json.dumps(served.get("/api/v1/flows"))
    finally:
        served.stop()


def test_a_flow_whose_file_is_broken_stays_and_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").touch()
    file = tmp_path / "flows.py"
    file.write_text("from partita import flow\n\n\n@flow\ndef first(n: int = 1) -> int:\n    return n\n")
    served = serving(tmp_path, "--no-open", command="dev")
    try:
        good = served.ask("GET", "/flows/flows.py:first").data.decode()
        assert "Start a run" in good
        file.write_text(file.read_text().replace("return n", "return (n"))
        for path in ("/flows", "/flows/flows.py:first"):
            answer = served.ask("GET", path)
            assert answer.status == 200 and "was never closed" in answer.data.decode(), path
        # What it takes is not known, so there is no form that would say that it takes nothing.
        assert "Start a run" not in served.ask("GET", "/flows/flows.py:first").data.decode()
    finally:
        served.stop()
