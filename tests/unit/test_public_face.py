"""What `import partita` gives, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import partita
import partita.testing

FACE = [
    "Artifact", "Audio", "CommandError", "CommandResult", "Decision", "Environment", "File", "Flow", "Folder", "Html", "Mapped",
    "Outcome", "Ref", "Run", "Skip", "Task", "TaskClass", "__version__", "approval", "ask", "command", "connect", "constant", "container",
    "context", "errors", "flow", "load_flow", "open_workspace", "settle", "sleep", "task", "until", "wait_for",
]  # fmt: skip

TESTING = [
    "ExecutorContract", "InlineExecutor", "MemoryBlobs", "MemoryRun", "MemoryStore", "MemoryWorkspace",
    "PeersContract", "StoreContract", "VirtualClock", "answering", "memory_workspace",
]  # fmt: skip

#: What defining tasks must not bring along: it would make every start slower.
HEAVY = {"asyncio", "cloudpickle", "numpy", "optuna", "pandas", "pydantic", "rich", "sqlite3", "typer"}


def test_the_public_names_are_these() -> None:
    """A name that is added or taken away is a decision, and belongs into the changelog."""
    assert sorted(partita.__all__) == sorted(FACE)
    assert sorted(partita.testing.__all__) == sorted(TESTING)


@pytest.mark.parametrize("name", FACE)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(partita, name)
    assert found is not None
    if name != "__version__":
        assert (found.__doc__ or "").strip()


@pytest.mark.parametrize("name", TESTING)
def test_a_public_name_of_testing_is_there_and_documented(name: str) -> None:
    assert (getattr(partita.testing, name).__doc__ or "").strip()


@pytest.mark.parametrize("module", ["partita", "partita.testing"])
def test_what_is_not_there_is_an_attribute_error(module: str) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = sys.modules[module].nonsense


def test_a_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from partita import *", names)
    assert set(partita.__all__) <= names.keys()


def test_every_error_is_in_one_tree_that_is_drawn() -> None:
    errors = [getattr(partita.errors, name) for name in partita.errors.__all__ if name.endswith("Error")]
    assert all(issubclass(error, partita.errors.PartitaError) for error in errors)
    drawn = partita.errors.__doc__ or ""
    assert not [error.__name__ for error in errors if error.__name__ not in drawn]


def test_importing_it_brings_nothing_heavy_along() -> None:
    program = "import json, sys, partita; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not HEAVY & set(json.loads(shown.stdout))
