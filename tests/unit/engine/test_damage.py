"""Whose a damaged blob is said to be."""

from __future__ import annotations

import pytest

from partita import flow, task
from partita.errors import DamagedError, StepError
from partita.testing import MemoryWorkspace


@task
def make() -> bytes:
    return b"large" * 2000


@task
def look(data: bytes, digest: str) -> None:
    """Finds a blob damaged that is none of its inputs, such as a value of another run that it opens."""
    error = DamagedError("the blob is not what was written")
    error.digest = digest
    raise error


@flow
def looking(digest: str) -> None:
    look(make(), digest)


def test_nothing_is_said_of_a_blob_that_the_step_does_not_take(workspace: MemoryWorkspace) -> None:
    with pytest.raises(StepError) as failed:
        looking.submit("0" * 64).result()
    assert "not what was written" in str(failed.value) and "It belongs to" not in str(failed.value)
