"""Models of several: members that are registered themselves, and a composition in a composition."""

from typing import Any

import numpy as np
from prices import Area, load_flats
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from partita import flow, task
from partita.compose import Blend
from partita.models import Model, model_of, register


@task(cache=True)
def bent(flats: dict[str, Any]) -> dict[str, Any]:
    """Prices that no line follows, so that several models are better than one."""
    return {**flats, "prices": flats["prices"] * (1 + 0.4 * np.sin(flats["features"][:, 1] / 12))}


@task
def member(flats: dict[str, Any], kind: str) -> Model:
    """One member, fitted and registered as "flats-line" or "flats-forest"."""
    estimator = Ridge(alpha=2.0) if kind == "line" else RandomForestRegressor(6, max_depth=3, random_state=0)
    made = model_of(estimator.fit(flats["features"], flats["prices"]), example=flats["features"][:5])
    register(made, f"flats-{kind}")
    return made


@task
def composed(flats: dict[str, Any], line: Model, forest: Model) -> Model:
    inner = Blend(
        [("scaled", make_pipeline(StandardScaler(), Ridge())), ("deep", RandomForestRegressor(4, random_state=1))]
    )
    blend = Blend([("line", line.wrapped), ("forest", forest.wrapped), ("inner", inner)])
    made = model_of(blend.fit(flats["features"], flats["prices"]), example=flats["features"][:5])
    register(made, "flats", description="Prices of flats by several models.")
    return made


@flow
def blended(rows: int = 80) -> Model:
    """Fit members, register them, and register what they make together."""
    flats = bent(load_flats(rows, Area.CENTRE))
    return composed(flats, member(flats, "line"), member(flats, "forest"))
