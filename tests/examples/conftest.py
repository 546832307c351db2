from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def load_example() -> Iterator[Callable[[str], ModuleType]]:
    """Import an example's flow.py as a worker does: with its folder first on the path."""
    pytest.importorskip("sklearn", reason="needs the extra 'examples'")
    before, known = list(sys.path), set(sys.modules)

    def load(name: str) -> ModuleType:
        sys.path.insert(0, str(EXAMPLES / name))
        return importlib.import_module("flow")

    yield load
    sys.path[:] = before
    for name in set(sys.modules) - known:
        if str(EXAMPLES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
