"""A version's page tells the data set that it came from, and its steps in their order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.serving import serving

FLOW = """
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from partita import Html, flow, task
from partita.models import Model, model_of, register

@task
def load() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(2000, 7)), columns=list("abcdefg"))

@task
def fit(table: pd.DataFrame) -> Model:
    return model_of(Ridge().fit(table[["a", "b"]].to_numpy(), table["c"]), example=table[["a", "b"]].to_numpy()[:5])

@task
def drawn(table: pd.DataFrame) -> Html:
    return Html("<svg>" + " " * 9000 + "</svg>")

@task
def shelve(model: Model, page: Html) -> int:
    register(model, "flats")
    return 1

@flow
def train() -> int:
    table = load()
    return shelve(fit(table), drawn(table))
"""


def test_the_data_set_is_told_and_pictures_are_not(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "flows.py").write_text(FLOW)
    served = serving(tmp_path)
    try:
        run = served.launch("flows.py:train")
        assert served.wait(run)["state"] == "succeeded"
        page = served.ask("GET", "/models/flats/1", headers={"accept": "text/html"}).data.decode()
    finally:
        served.stop()
    part = page.partition('id="h-lineage"')[2].partition("</section>")[0]
    assert "DataFrame" in part and "Html(" not in part and "Sealed" not in part
    steps = [int(number) for number in re.findall(rf"/runs/{run}\?step=(\d+)", part)]
    assert len(steps) >= 3 and steps == sorted(steps)
