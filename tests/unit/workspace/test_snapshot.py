from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest

from partita.workspace.snapshot import _pickler


def test_code_is_pickled_alike_in_each_session_whatever_cloudpickle_says_of_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reduce, seen = cloudpickle.cloudpickle._code_reduce, []

    def older(code: Any) -> Any:
        seen.append(code.co_filename)
        return reduce(code)

    monkeypatch.setattr(cloudpickle.cloudpickle, "_code_reduce", older)
    cells = SimpleNamespace(title=lambda file: "In [1]")
    reached: Any = SimpleNamespace(names={}, bound={}, cells=cells)
    code = compile("def outer():\n    return lambda: 1", "/tmp/ipykernel_7/8.py", "exec")
    _pickler()(io.BytesIO(), reached, "outer").dump(code)
    assert set(seen) == {"In [1]"}
