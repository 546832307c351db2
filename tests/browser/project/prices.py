"""What flats cost, learned from rooms, size and age: trained, tuned, registered and promoted."""

from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.linear_model import Ridge

from partita import approval, ask, flow, task
from partita.models import Model, model_of, register
from partita.tune import Range


class Area(Enum):
    """Where flats are looked at."""

    CENTRE = "centre"
    OUTSKIRTS = "outskirts"


@task(cache=True)
def load_flats(rows: int, area: Area) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(7 if area is Area.CENTRE else 8)
    rooms, age = draw.integers(1, 6, rows), draw.uniform(0, 90, rows)
    size = rooms * 22 + draw.normal(0, 6, rows)
    prices = 900 * size - 700 * age + draw.normal(0, 8000, rows)
    return {"features": np.column_stack([rooms, size, age]), "prices": prices}


@task
def fit(flats: dict[str, np.ndarray], kind: str, depth: int, name: str) -> Model:
    known = len(flats["prices"]) * 3 // 4
    line, forest = Ridge(), RandomForestRegressor(8, max_depth=depth, random_state=0)
    made = {
        "line": line,
        "forest": forest,
        "blend": VotingRegressor([("line", line), ("forest", forest)], weights=[1, 3]),
    }
    estimator = made[kind]
    estimator.fit(flats["features"][:known], flats["prices"][:known])
    model = model_of(estimator, example=flats["features"][:5])
    wrong = model.predict(flats["features"][known:]) - flats["prices"][known:]
    metrics = {"mae": float(np.abs(wrong).mean()), "rmse": float(np.sqrt((wrong**2).mean()))}
    if name:
        register(model, name, description=f"Prices of flats by {kind}.", metrics=metrics, tags={"kind": kind})
    return model


@task
def report(model: Model, flats: dict[str, np.ndarray]) -> dict[str, float]:
    wrong = np.abs(model.predict(flats["features"]) - flats["prices"])
    return {"mae": float(wrong.mean()), "worst": float(wrong.max())}


@flow
def train(
    rows: int = 200,
    kind: Literal["line", "forest", "blend"] = "line",
    depth: int = 4,
    area: Area = Area.CENTRE,
    name: str = "prices",
) -> dict[str, float]:
    """Train a model of prices and register it.

    Args:
        rows: how many flats it learns from.
        kind: what is fitted.
        depth: of the trees of a forest.
        area: which flats.
        name: under which it is registered; empty: not at all.
    """
    flats = load_flats(rows, area)
    return report(fit(flats, kind, depth, name), flats)


@task
def error(scores: dict[str, float]) -> float:
    return scores["mae"]


@flow
def tuned(
    depth: Annotated[int, Range(1, 8)], rows: Annotated[int, Range(40, 200, log=True)], kind: Literal["line", "forest"] = "forest"
) -> float:  # fmt: skip
    """The error of a forest of some depth, learned from some flats."""
    return error(train(rows, kind, depth, name=""))


@task
def table(flats: dict[str, np.ndarray]) -> "object":
    import pandas

    return pandas.DataFrame(flats["features"], columns=["rooms", "size", "age"]).assign(price=flats["prices"])


@flow
def release(version: str, rows: int = 80, voters: list[str] = [], required: int = 1) -> str:  # noqa: B006
    """Ask whether prices may be published.

    Args:
        version: what is to be published.
        voters: who may say; nobody named: anybody.
        required: how many of them have to approve.
    """
    flats = load_flats(rows, Area.CENTRE)
    scores = report(fit(flats, "line", 2, ""), flats)
    said = approval(
        f"Publish {version}?", show={"flats": table(flats), "scores": scores}, approvers=voters, required=required,
        on_reject="skip",
    )  # fmt: skip
    return announced(version, said)


@task
def announced(version: str, said: object) -> str:
    return f"{version} is out"


@flow
def careful(version: str) -> str:
    """Ask somebody else than whoever starts it."""
    return announced(version, approval(f"Really {version}?", not_by="launcher", on_reject="skip"))


@flow
def survey(city: str) -> str:
    """Ask somebody what a flat there costs."""
    price = ask(f"What does a flat in {city} cost?", float)
    why = ask("How sure are you?", Literal["sure", "a guess"])
    return noted(city, price, why)


@task
def noted(city: str, price: float, why: str) -> str:
    return f"{city}: {price:g} ({why})"


@task
def told(values: dict[str, str]) -> dict[str, str]:
    return values


@flow
def everything(
    count: int,
    title: str,
    share: float = 0.5,
    is_fast: bool = False,
    kind: Literal["line", "forest"] = "line",
    area: Area = Area.OUTSKIRTS,
    names: list[str] = ["a", "b"],  # noqa: B006
    weights: dict[str, float] | None = None,
    since: date | None = None,
    folder: Path = Path("data"),
    limit: int | None = None,
) -> dict[str, str]:
    """Take a value of each type.

    Nothing is done with them but to tell them.

    Args:
        count: a whole number.
        title: a text.
        share: a number between nothing and all.
        weights: what each name weighs.
        since: a day.
        limit: at most so many; nothing: all.
    """
    given = {"count": count, "title": title, "share": share, "is_fast": is_fast, "kind": kind, "area": area.value,
             "names": names, "weights": weights, "since": since, "folder": folder, "limit": limit}  # fmt: skip
    return told({name: str(value) for name, value in given.items()})
