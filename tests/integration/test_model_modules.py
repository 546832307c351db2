"""Torch modules of the registry: out to MLflow's format and back, both written and opened by workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.errors import StepError
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
import torch
from partita import flow, task
from partita.models import load, model_of, register

@task
def fit() -> str:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    return str(register(model_of(module, example=torch.ones(3, 4).numpy()), "net"))

@task
def apply(name: str) -> list:
    return load(name).predict(torch.ones(2, 4).numpy()).round(4).tolist()

@flow
def train() -> str:
    return fit()

@flow
def use(name: str) -> list:
    return apply(name)
"""


def test_a_module_goes_out_and_comes_back(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)
    assert project("train") == "net:1"
    files = project.workspace.export_model("net", Path("out"))
    assert Path("out/data/model.pth") in files and Path("out/data/pickle_module_info.txt") in files
    with pytest.raises(StepError, match="is a pickle"):
        project.workspace.import_model(Path("out"), "back")
    assert project.workspace.import_model(Path("out"), "back", trust=True) == "back:1"
    assert project("use", name="back") == project("use", name="net")
