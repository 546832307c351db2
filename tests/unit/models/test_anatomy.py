"""What an estimator consists of."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn")

from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from partita.models.formats.anatomy import anatomy_of
from partita.values import is_plain


def test_members_are_told_with_their_parameters_and_weights() -> None:
    scaled = make_pipeline(StandardScaler(), Ridge(2.0))
    found = anatomy_of(VotingRegressor([("line", scaled), ("forest", RandomForestRegressor(3))], weights=[1, 3]))
    line, forest = found["members"]
    assert (line["name"], line["title"], line["weight"]) == ("line", "Pipeline", 1.0)
    assert [member["title"] for member in line["members"]] == ["StandardScaler", "Ridge"]
    assert line["members"][1]["parameters"]["alpha"] == 2.0
    assert forest["parameters"]["n_estimators"] == 3 and "members" not in forest
    assert is_plain(found)


def test_what_is_no_plain_value_is_told_in_words_that_stay_the_same() -> None:
    found = anatomy_of(FunctionTransformer(abs, kw_args={"x": object()}))
    assert found["parameters"]["func"] == "builtins.abs"
    assert found == anatomy_of(FunctionTransformer(abs, kw_args={"x": object()}))


def test_what_has_no_parameters_has_none() -> None:
    assert anatomy_of(object()) == {}
