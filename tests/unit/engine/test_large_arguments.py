"""Arguments that are too large to be kept in memory until their step begins."""

from __future__ import annotations

from typing import Any

import pytest

from partita import flow, task
from partita.protocol.messages import FRAME, LAID
from partita.testing import MemoryWorkspace


@task
def size(text: str) -> int:
    return len(text)


@flow
def sizes(count: int) -> list[int]:
    return [size("x" * 2000) for _ in range(count)]


def test_a_step_that_begins_in_the_turn_in_which_it_is_laid_out_has_its_arguments(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = workspace.executor.receive

    def whole_layouts(timeout_s: float | None) -> list[Any]:
        """What an engine hears that was kept from listening for a while."""
        found = list(receive(timeout_s))
        while {FRAME} <= {message[0] for message in found} and not any(message[0] == LAID for message in found):
            found += receive(0.0)
        return found

    monkeypatch.setattr(workspace.executor, "receive", whole_layouts)
    run = sizes.submit(3)
    live = workspace.engine.book.live(run.id)
    assert live is not None
    assert run.result() == [2000] * 3
    assert not live.arguments  # they are not kept
