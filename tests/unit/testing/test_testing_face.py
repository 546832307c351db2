"""What `partita.testing` gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import partita.testing


def test_the_public_names() -> None:
    assert set(partita.testing.__all__) == {
        "ExecutorContract", "InlineExecutor", "MemoryBlobs", "MemoryRun", "MemoryStore", "MemoryWorkspace",
        "PeersContract", "StoreContract", "VirtualClock", "answering", "memory_workspace",
    }  # fmt: skip
    for name in partita.testing.__all__:
        assert getattr(partita.testing, name).__name__ == name
    assert not hasattr(partita.testing, "unknown")


def test_only_the_contracts_need_pytest() -> None:
    names = [name for name in partita.testing.__all__ if not name.endswith("Contract")]
    code = f"import sys; from partita.testing import {', '.join(names)}; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)}, timeout=60)


def test_the_plugin_gives_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from partita import flow, task\n"
        "@task\n"
        "def add(left: int, right: int) -> int:\n"
        "    return left + right\n"
        "@flow\n"
        "def main() -> int:\n"
        "    return add(1, 2)\n"
        "def test_main(workspace, monkeypatch):\n"
        "    workspace.fake(add, 4)\n"
        "    assert main.run().result() == 4\n"
    )
    plugin = ["-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, tmp_path], env=environment, cwd=tmp_path, timeout=60,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
