"""Two classifiers of small pictures, blended, and weighed by what a miss costs: fitted, and examined on other pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from partita import flow, task
from partita.compose import Blend, Severity, calibrated
from partita.compose.flows import fit_composition
from partita.data import gradient_features, texture_features
from partita.models.evaluation import Evaluation, bootstrap_interval, evaluate_classification

WAVES = (3, 5, 8, 12)
OUTLINES, TEXTURES = slice(0, 324), slice(324, None)  # the columns that `seen` gives


def machine(columns: slice) -> Any:
    """A support vector machine that looks at these columns, with probabilities."""
    return calibrated(make_pipeline(make_column_transformer((StandardScaler(), columns)), SVC(C=10)), "sigmoid", cv=3)


MEMBERS = [("outlines", machine(OUTLINES)), ("textures", machine(TEXTURES))]
NAMES = [*(name for name, _ in MEMBERS), "blend", "severity"]


@task(cache=True)
def part(file: Path, names: list[str], labels: list[str]) -> dict[str, Any]:
    """The pictures of these parts, and what they show."""
    with np.load(file) as data:
        pictures = np.concatenate([data[f"{name}_images"] for name in names])
        y = np.concatenate([data[f"{name}_labels"].ravel() for name in names])
    return {"pictures": pictures, "y": np.array(labels)[y]}


@task(cache=True)
def seen(pictures: Any, is_sided: bool) -> Any:
    """What is told of each picture; where no side is the left one, of the picture and its mirror image together."""
    ways = [pictures] if is_sided else [pictures, pictures[:, :, ::-1]]
    return sum(np.hstack([gradient_features(way), texture_features(way, wavelengths=WAVES)]) for way in ways)


@task
def told(blend: Any, severity: Any, x: Any) -> dict[str, Any]:
    """What each model of NAMES takes for probable and says, and what the blend says by expected costs."""
    models = [*blend.members_, blend, severity]
    chances = [model.predict_proba(x) for model in models]
    by_cost = blend.classes_[np.argmin(chances[2] @ severity.matrix_, axis=1)]
    return {"chances": chances, "said": [model.predict(x) for model in models], "by cost": by_cost}


@task
def standing(told: dict[str, Any], truth: Any, sick: str, cost: float, evaluations: list[Evaluation]) -> list[Any]:
    """How good each model is, and what its decisions cost: a missed disease `cost`, a false alarm 1."""

    def costs(real: Any, said: Any) -> float:
        return float(np.mean((real != said) * np.where(real == sick, cost, 1.0)))

    rows = []
    for name, said in zip([*NAMES, "blend by costs"], [*told["said"], told["by cost"]], strict=True):
        row: dict[str, Any] = {"model": name}
        if name in NAMES:
            found = evaluations[NAMES.index(name)]
            row |= {key: [found.metrics[key], *found.intervals[key]] for key in ("auc", "accuracy")}
        row["cost"] = [costs(truth, said), *bootstrap_interval(costs, truth, said)]
        is_sick = truth == sick
        row |= {"missed": [int((said[is_sick] != sick).sum()), int(is_sick.sum())]}
        row |= {"false alarms": [int((said[~is_sick] == sick).sum()), int((~is_sick).sum())]}
        rows.append(
            {
                key: np.round(each, 4).tolist() if key in ("auc", "accuracy", "cost") else each
                for key, each in row.items()
            }
        )
    return rows


@flow
def diagnose(file: Path, sick: str, labels: list[str], is_sided: bool, cost: float, judge: str) -> list[Any]:
    """Fit on some parts of a data set, and examine on another one.

    Args:
        file: the data set.
        sick: the label of those who have the disease.
        labels: by the number that stands for each.
        is_sided: whether left and right differ, as in a chest, where the heart is on one side.
        cost: of a missed disease, where a false alarm costs 1.
        judge: the part to examine on: "test", and fitted is on all others; or "val", and fitted is on "train".
    """
    learn = part(file, ["train", "val"] if judge == "test" else ["train"], labels)
    test = part(file, [judge], labels)
    x, test_x = seen(learn["pictures"], is_sided), seen(test["pictures"], is_sided)
    healthy = next(label for label in labels if label != sick)
    blend = fit_composition(Blend(MEMBERS, cv=5, keep="blend"), x, learn["y"])
    severity = fit_composition.after(blend)(Severity(MEMBERS, costs={(sick, healthy): cost}, cv=5), x, learn["y"])
    found = told(blend, severity, test_x)
    examine = evaluate_classification.partial(truth=test["y"], classes=sorted(labels), positive=sick).with_options(
        name="examine"
    )
    examined = examine.map(prediction=found["said"], probabilities=found["chances"], key=NAMES)
    return standing(found, test["y"], sick, cost, examined)
