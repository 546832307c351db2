"""What `partita.testing` gives."""

from __future__ import annotations

import subprocess
import sys

import partita.testing


def test_the_public_names() -> None:
    assert set(partita.testing.__all__) == {
        "ExecutorContract", "InlineExecutor", "MemoryBlobs", "MemoryRun", "MemoryStore", "MemoryWorkspace",
        "StoreContract", "VirtualClock", "memory_workspace",
    }  # fmt: skip
    for name in partita.testing.__all__:
        assert getattr(partita.testing, name).__name__ == name
    assert not hasattr(partita.testing, "unknown")


def test_only_the_contracts_need_pytest() -> None:
    names = [name for name in partita.testing.__all__ if not name.endswith("Contract")]
    code = f"import sys; from partita.testing import {', '.join(names)}; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)}, timeout=60)
