"""An attempt that tells that it ran out of memory, as one does whose container was killed for that."""

from __future__ import annotations

from partita import context, flow, task
from partita.errors import OutOfMemoryError
from partita.testing import memory_workspace
from partita.worker.containers.allowance import allowance

MEBIBYTE = 2**20


@task(memory="64MiB", crash_retries=2, cpu=1.5, environment_variables={"PLAIN": "x"})
def hungry() -> list[float]:
    """Gives what it may have, the third time."""
    allowed = allowance()
    if context().attempt < 3:
        raise OutOfMemoryError(f"{allowed.memory_bytes} are too little", 137)
    return [allowed.memory_bytes, allowed.cpu]


@flow
def go() -> list[float]:
    return hungry()


def test_it_is_tried_again_with_more() -> None:
    with memory_workspace() as workspace:
        memory_bytes, cores = go.run().result()
        assert memory_bytes >= 144 * MEBIBYTE and cores == 1.5
        step = next(step for step in workspace.all_steps() if step["name"] == "hungry")
        ends = [end["outcome"] for end in workspace.attempts("latest", step["id"])]
        assert ends == ["crashed", "crashed", "succeeded"]
        assert "crashed" in step["marks"]
