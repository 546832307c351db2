"""Who will not pay: a blend and a stack of three classifiers, against each of these alone, on 30,000 clients of a bank.

partita run flow.py                 # in this folder; --seed 3 splits the clients another way
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

from partita import flow, task
from partita.components import read_csv
from partita.compose import Blend, Stack
from partita.compose.flows import fit_composition
from partita.data import split_rows, validate_table
from partita.models import model_of, register
from partita.models.evaluation import Evaluation, bootstrap_interval, evaluate_classification

UNPAID = "default.payment.next.month"
SCHEMA = {
    "columns": {
        "ID": {"type": "integer", "unique": True},
        "LIMIT_BAL": {"type": "number", "nulls": False, "range": [1, None]},
        "AGE": {"type": "integer", "nulls": False, "range": [18, 100]},
        UNPAID: {"type": "integer", "values": [0, 1]},
    },
    "rows": [1000, None],
}
BINS = KBinsDiscretizer(10, subsample=None, quantile_method="averaged_inverted_cdf")
MEMBERS = [
    ("line", make_pipeline(BINS, LogisticRegression(C=0.1, max_iter=500))),
    ("boosted", HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, random_state=0)),
    ("forest", RandomForestClassifier(60, min_samples_leaf=20, max_features=0.2, max_samples=0.5, random_state=0)),
]
NAMES = [name for name, _ in MEMBERS] + ["blend", "stack"]


@task
def features(clients: Any) -> dict[str, Any]:
    """What the bank knows of each client, and whether the client did not pay in the next month."""
    return {"x": clients.drop(columns=["ID", UNPAID]), "y": clients[UNPAID]}


@task
def chances(blend: Any, stack: Any, x: Any) -> list[Any]:
    """How probable each model of NAMES takes it that a client will not pay."""
    return [model.predict_proba(x)[:, 1] for model in [*blend.members_, blend, stack]]


@task
def standing(evaluations: list[Evaluation], chances: list[Any], y: Any) -> list[dict[str, Any]]:
    """Each model's AUC with its interval, and what the compositions have more than the best member of this examination."""

    def gain(truth: Any, of: Any, over: Any) -> float:
        return float(roc_auc_score(truth, of) - roc_auc_score(truth, over))

    best = chances[max(range(len(MEMBERS)), key=lambda at: evaluations[at].metrics["auc"])]
    rows: list[dict[str, Any]] = []
    for name, evaluation, own in zip(NAMES, evaluations, chances, strict=True):
        found = {"auc": [evaluation.metrics["auc"], *evaluation.intervals["auc"]]}
        if name in NAMES[-2:]:
            found["gain"] = [gain(y, own, best), *bootstrap_interval(gain, y, own, best, resamples=200)]
        rows.append({"model": name, **{key: [round(each, 4) for each in three] for key, three in found.items()}})
    return rows


@task
def keep(blend: Any, x: Any, evaluation: Evaluation) -> None:
    """Register the blend with what was found out about it."""
    register(model_of(blend, example=x.head(100)), "credit_risk", evaluation=evaluation)


@flow
def credit_risk(clients: Path = Path("data/UCI_Credit_Card.csv.gz"), seed: int = 0) -> list[dict[str, Any]]:
    """Fit the blend and the stack on 80 % of the clients, and examine them and their members on the others.

    Returns:
        For each model its area under the ROC curve, and for the compositions what they gain over the best member, each with
        the ends of the 95 % interval.

    Args:
        clients: the data set, a packed table.
        seed: decides which clients are kept for the examination.
    """
    table = validate_table(read_csv(str(clients)), SCHEMA)
    parts = split_rows(table, {"learn": 0.8, "judge": 0.2}, stratify=UNPAID, seed=seed)
    learn, judge = features(parts["learn"]), features(parts["judge"])
    blend = fit_composition(Blend(MEMBERS), learn["x"], learn["y"])
    stack = fit_composition.after(blend)(Stack(MEMBERS), learn["x"], learn["y"])  # its members are there already
    told = chances(blend, stack, judge["x"])
    examine = evaluate_classification.partial(truth=judge["y"], slices={"age": judge["x"]["AGE"]}).with_options(
        name="examine"
    )
    examined = examine.map(probabilities=told, key=NAMES)
    keep(blend, learn["x"], examined[3])
    return standing(examined, told, judge["y"])
