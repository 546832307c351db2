"""For tests of flows, and of other implementations of the ports.

`memory_workspace()` runs flows in the test's own process; as a fixture it is called `workspace`. The contracts are test
classes to be subclassed; only they need pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.flow.answers import answering
    from partita.testing.clock import VirtualClock
    from partita.testing.executor_contract import ExecutorContract
    from partita.testing.inline_executor import InlineExecutor
    from partita.testing.memory_blobs import MemoryBlobs
    from partita.testing.memory_store import MemoryStore
    from partita.testing.peers_contract import PeersContract
    from partita.testing.store_contract import StoreContract
    from partita.testing.workspace import MemoryRun, MemoryWorkspace, memory_workspace

__all__ = [
    "ExecutorContract", "InlineExecutor", "MemoryBlobs", "MemoryRun", "MemoryStore", "MemoryWorkspace",
    "PeersContract", "StoreContract", "VirtualClock", "answering", "memory_workspace",
]  # fmt: skip

_MODULES = {
    "ExecutorContract": "executor_contract",
    "InlineExecutor": "inline_executor",
    "MemoryBlobs": "memory_blobs",
    "MemoryRun": "workspace",
    "MemoryStore": "memory_store",
    "MemoryWorkspace": "workspace",
    "PeersContract": "peers_contract",
    "StoreContract": "store_contract",
    "VirtualClock": "clock",
    "memory_workspace": "workspace",
}


def __getattr__(name: str) -> Any:
    if name == "answering":
        return import_module("partita.flow.answers").answering
    if name not in _MODULES:
        raise AttributeError(f"module 'partita.testing' has no attribute {name!r}")
    return getattr(import_module(f"partita.testing.{_MODULES[name]}"), name)
