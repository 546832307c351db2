"""What has to do with a task's environment, and what has not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from partita.artifacts.blobs.port import about
from partita.errors import DamagedError
from partita.worker.attempt import Attempt


class Opening(Attempt):
    """An attempt of which an argument is a damaged blob."""

    def open_arguments(self) -> Any:
        raise about("0" * 64, "the blob is not what was written")


def test_a_damaged_blob_has_to_do_with_no_environment() -> None:
    attempt: Any = object.__new__(Opening)
    attempt.profile = SimpleNamespace(environment='{"requirements": ["six"]}', title="look")
    with pytest.raises(DamagedError) as failed:
        attempt._opened_here()
    assert failed.value.digest == "0" * 64 and str(failed.value) == "the blob is not what was written"
