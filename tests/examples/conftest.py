from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

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


def copied(name: str, folder: Path) -> Path:
    """A copy of an example's folder, whose engine ends when it is idle."""
    project = folder / name
    unwanted = (".partita", "__pycache__")
    shutil.copytree(EXAMPLES / name, project, ignore=shutil.ignore_patterns(*unwanted))
    with (project / "partita.toml").open("a") as settings:
        settings.write('idle_timeout = "1s"\n')
    return project


def partita(project: Path, *words: str) -> str:
    """What the command line prints, as a user calls it in the example's folder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(
        [sys.executable, "-m", "partita.cli", *words],
        cwd=project, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def result_of(project: Path, *words: str) -> Any:
    """The result of a run of a flow in the example's folder."""
    return json.loads(partita(project, "run", *words, "--json"))["result"]
