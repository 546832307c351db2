"""Projects with a real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.settings import load_settings
from partita.values import unpack
from partita.workspace.local import LocalWorkspace
from partita.workspace.runs import Run, encoder_of, raise_failure


class Project:
    """A folder with flows, and its workspace."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder = folder
        (folder / "partita.toml").write_text(settings)
        self.workspace = LocalWorkspace(folder, load_settings(folder))

    def write(self, source: str, name: str = "flows.py") -> None:
        (self.folder / name).write_text(source)

    def start(self, flow: str, **texts: Any) -> Run:
        """Start a flow, its inputs as texts."""
        reference = flow if ":" in flow else f"flows.py:{flow}"
        given = {name: str(value) for name, value in texts.items()}
        return Run(self.workspace, self.workspace.launch(reference, texts=given))

    def result(self, run: Run) -> Any:
        """The run's value, waited for; raises what it failed with."""
        run.wait(240)
        view = self.workspace.run(run.id, with_result=True)
        if view["state"] != "succeeded":
            raise_failure(view)
        packed = view.get("result")
        return None if packed is None else encoder_of(self.workspace).decode(unpack(packed))

    def __call__(self, flow: str, **texts: Any) -> Any:
        return self.result(self.start(flow, **texts))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.workspace.stop_engine()


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    made: list[Project] = []

    def make(settings: str) -> Project:
        made.append(Project(tmp_path, settings))
        return made[-1]

    yield make
    for project in made:
        project.workspace.stop_engine()
