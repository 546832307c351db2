"""What compiling compositions to ONNX brings.

    python benchmarks/compiled.py [--repeats 5] [--only route]

For compositions of usual members on real data of scikit-learn. Prints a JSON line for each, medians over the repeats:

- "single_python", "single_onnx": rows a second, one row a call; "single_ratio": how many times as fast the graph is.
- "batch_python", "batch_onnx", "batch_ratio": the same with all rows that are left out in one call.
- "error": the largest difference of a probability or of a value, of large ones in parts; "labels": that differ.
- "bytes_python", "bytes_onnx": pickled, and as a file.

All run in one thread. A line for "int8" compares the graph ("float") with the quantised one.
"""

from __future__ import annotations

import argparse
import json
import pickle
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from partita.compose import Bag, Blend, Cascade, Chain, Distil, Route, Stack, Vote
from partita.compose.compiling import compile_onnx


def line(**parameters: Any) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, **parameters))


def neurons() -> Any:
    return make_pipeline(StandardScaler(), MLPClassifier((200, 100), max_iter=60, random_state=0))


def compositions() -> Iterator[tuple[str, BaseEstimator, Any]]:
    """(name, composition, data) of each."""
    forest = RandomForestClassifier(100, random_state=0)
    cancer, digits, diabetes = load_breast_cancer, load_digits, load_diabetes
    three = [("line", line()), ("forest", forest), ("bayes", GaussianNB())]
    yield "blend, breast cancer", Blend(three, keep="blend"), cancer
    yield "blend without trees, breast cancer", Blend([three[0], three[2]], keep="blend"), cancer
    yield "stack, breast cancer", Stack(three), cancer
    yield "vote, breast cancer", Vote(three, how="median"), cancer
    yield (
        "blend, digits",
        Blend([("line", line()), ("forest", forest), ("neurons", neurons())], keep="blend", cv=3),
        digits,
    )
    yield "cascade, digits", Cascade([("line", line(C=0.01)), ("forest", forest)], costs=[1, 20], cv=3), digits
    trees = Bag([DecisionTreeClassifier(random_state=0)], draws=20, features=0.5)
    yield "bag, breast cancer", trees, cancer
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    yield "route, digits", Route([("line", line(C=0.01)), ("forest", forest)], linear, cv=3), digits
    scope = IsolationForest(n_estimators=50, random_state=0)
    scoped = Route([("line", line(C=0.01)), ("forest", forest)], linear, out_of_scope=scope, outside=10, cv=3)
    yield "route with a scope, digits", scoped, digits
    yield (
        "chain, digits",
        Chain([("bayes", GaussianNB(var_smoothing=1e-3)), ("line", line())], append=True, cv=3),
        digits,
    )
    yield "distil, digits", Distil(forest, LogisticRegression(max_iter=500), cv=3), digits
    yield "blend, isotonic, digits", Blend(three[:2], keep="blend", cv=3, calibrate="isotonic"), digits
    yield (
        "cascade, isotonic, digits",
        Cascade([("line", line(C=0.01)), ("forest", forest)], cv=3, calibrate="isotonic"),
        digits,
    )
    values = [
        ("ridge", Ridge(0.1)),
        ("near", KNeighborsRegressor(15)),
        ("forest", RandomForestRegressor(100, random_state=0)),
        ("boosted", GradientBoostingRegressor(random_state=0)),
    ]
    yield "blend, diabetes", Blend(values, keep="blend"), diabetes
    yield "stack, diabetes", Stack(values, passthrough=True), diabetes


def rows_a_second(predict: Callable[[Any], Any], given: list[Any]) -> float:
    """Going through all that is given, for 0.2 s at most."""
    predict(given[0])
    start, rows = time.perf_counter(), 0
    for each in given:
        predict(each)
        rows += len(each)
        if time.perf_counter() - start > 0.2:
            break
    return rows / (time.perf_counter() - start)


def compared(name: str, python: Any, graph: Any, rows: Any, repeats: int, labels: tuple[str, str]) -> dict[str, Any]:
    """One line of the result; both are measured in turn, as the machine may be busy with something else."""
    told: dict[str, Any] = {"what": name}
    ones = [rows[at : at + 1] for at in range(len(rows))]
    for kind, given in (("single", ones), ("batch", [rows])):
        found: dict[str, list[float]] = {label: [] for label in labels}
        for _ in range(repeats):
            for label, model in zip(labels, (python, graph), strict=True):
                found[label].append(rows_a_second(getattr(model, "predict_proba", model.predict), given))
        first, second = (statistics.median(found[label]) for label in labels)
        told |= {f"{kind}_{labels[0]}": round(first), f"{kind}_{labels[1]}": round(second)}
        told[f"{kind}_ratio"] = round(second / first, 1)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="those with this in their name")
    given = parser.parse_args()
    repeats = given.repeats
    warnings.simplefilter("ignore")
    for name, composition, load in (each for each in compositions() if given.only in each[0]):
        fit_x, test_x, fit_y, test_y = train_test_split(*load(return_X_y=True), test_size=0.4, random_state=0)
        composition.fit(fit_x, fit_y)
        compiled = compile_onnx(composition, test_x, test_y, measure=False)
        assert compiled.report is not None and compiled.is_one_graph
        told = compared(name, composition, compiled, test_x, repeats, ("python", "onnx"))
        told |= {"error": float(f"{compiled.report.parity.error:.2g}"), "labels": compiled.report.parity.labels}
        told |= {"bytes_python": len(pickle.dumps(composition)), "bytes_onnx": len(compiled.to_bytes())}
        print(json.dumps(told), flush=True)
        if "neurons" in getattr(composition, "names_", []):
            small = compile_onnx(composition, test_x, test_y, measure=False, quantise="int8")
            assert small.report is not None
            told = compared(f"{name}, int8", compiled, small, test_x, repeats, ("float", "int8"))
            told |= {"error": float(f"{small.report.variants[-1].error:.2g}")}
            told |= {"score_before": compiled.report.variants[-1].score, "score": small.report.variants[-1].score}
            told |= {"bytes_float": len(compiled.to_bytes()), "bytes_int8": len(small.to_bytes())}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    with threadpool_limits(1), np.errstate(all="ignore"):
        main()
