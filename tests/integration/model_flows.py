"""A flow that registers, promotes and loads models in steps that run somewhere else, and what has to come of it."""

from __future__ import annotations

import pytest

from partita.errors import StepError
from tests.integration.conftest import Project

__all__ = ["check_model_flows"]

_FLOWS = """
import numpy as np
from sklearn.linear_model import Ridge
from partita import flow, task
from partita.models import Model, find, load, model_of, promote, register

@task(executor="ELSEWHERE")
def fit(X: np.ndarray, alpha: float) -> Model:
    y = X[:, 0]
    model = model_of(Ridge(alpha).fit(X, y), example=X)
    losses = (model.predict(X) - y) ** 2
    version = register(model, "line", evaluation={"metrics": {"mse": losses.mean()}, "rows": len(X)}, losses=losses)
    promote(version, gates=["mse no worse"], why=f"alpha {alpha}")
    return model

@task(executor="ELSEWHERE")
def line(name: str) -> list:
    promote(name, "used")
    return [find(name)["name"], load(name).predict(np.ones((2, 3))).tolist()]

@task
def rows(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 3))

@task
def told(model: Model, predicted: list) -> list:
    return [predicted, model.predict(np.ones((2, 3))).tolist()]

@flow
def modelled(alpha: float, count: int = 2000) -> list:
    model = fit(rows(count), alpha)
    return told(model, line.after(model)("line@champion"))
"""


def check_model_flows(project: Project, executor: str) -> None:
    """Run it on an executor of the project."""
    project.write(_FLOWS.replace("ELSEWHERE", executor), "modelled.py")

    def modelled(alpha: float) -> tuple[str, list[float], list[float]]:
        (name, there), here = project("modelled.py:modelled", alpha=alpha)
        return name, there, here

    name, there, here = modelled(1.0)
    assert name == "line:1" and there == pytest.approx(here)
    with pytest.raises(StepError, match=r"(?s)line:2 does not become champion.*worse than line:1"):
        modelled(1000.0)
    assert modelled(0.1)[0] == "line:3"
    model, versions, moves = project.workspace.model("line")
    assert model["aliases"] == {"champion": 3, "used": 3} and [view["number"] for view in versions] == [3, 1]
    assert [(move["after"], move["why"]) for move in moves if move["alias"] == "champion"] == [
        (3, "alpha 0.1"), (1, "alpha 1.0"),
    ]  # fmt: skip
    assert project.workspace.model_version("line:3")[1]["test"]["rows"] == 2000
    assert modelled(0.1)[0] == "line:3", "an equal model is registered once"
