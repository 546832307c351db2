"""Fixtures for pytest, there wherever Partita is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from partita.testing.workspace import MemoryWorkspace

__all__ = ["workspace"]


@pytest.fixture
def workspace() -> Iterator[MemoryWorkspace]:
    """A workspace in memory: the flows that the test starts run in it. See `partita.testing.memory_workspace`."""
    from partita.testing.workspace import memory_workspace

    with memory_workspace() as made:
        yield made
