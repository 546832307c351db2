"""Registering, loading and promoting models, on the real engine in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from partita import approval, flow, task
from partita.errors import GateError, ModelError, NotFoundError, StepError
from partita.models import (
    Model,
    Version,
    evaluate_version,
    find,
    gates_of,
    judged,
    load,
    measure_latency,
    model_of,
    promote,
    register,
    rollback,
    set_gates,
)
from partita.testing import MemoryWorkspace, memory_workspace

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def fitted(c: float) -> Model:
    return model_of(LogisticRegression(C=c).fit(X, Y), example=X)


@pytest.fixture
def workspace(elsewhere: None) -> Iterator[MemoryWorkspace]:
    with memory_workspace() as made:
        yield made


@task
def fit(c: float, metrics: dict[str, float] | None = None) -> Version:
    return register(fitted(c), "churn", metrics=metrics or {"accuracy": c}, tags={"c": str(c)})


@flow
def train(c: float, metrics: dict[str, float] | None = None) -> Version:
    return fit(c, metrics)


@task
def predict(name: str) -> list[int]:
    return [int(one) for one in load(name).predict(X[:3])]


@flow
def predicting(name: str) -> list[int]:
    return predict(name)


@task
def failing(c: float) -> str:
    register(fitted(c), "churn")
    raise ValueError("after registering")


@flow
def broken(c: float) -> str:
    return failing(c)


@task
def titled(model: Model) -> str:
    return model.title


@flow
def taking(model: Model) -> str:
    return titled(model)


@task
def several() -> list[Version]:
    found = [register(fitted(c), "many", metrics={"c": c}) for c in (1.0, 2.0, 1.0)]
    assert load("many:1").predict(X).shape == (60,) and load("many").predict(X).shape == (60,)
    return found


@flow
def trying() -> list[Version]:
    return several()


@task
def at_once(c: float) -> list[Any]:
    version = register(fitted(c), "churn", metrics={"accuracy": c})
    return list(promote(version, gates=["accuracy >= 0.5"], why="it is good"))


@flow
def straight(c: float) -> list[Any]:
    return at_once(c)


def versions(memory: MemoryWorkspace, name: str = "churn") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = memory.ask_registry("model_versions", {"name": name})
    return found


def moves(memory: MemoryWorkspace, name: str = "churn") -> list[tuple[int, int]]:
    return [(move["before"], move["after"]) for move in memory.ask_registry("model_moves", {"name": name})]


def test_a_version_is_there_when_its_step_has_succeeded(workspace: MemoryWorkspace) -> None:
    assert train.run(1.0).result() == Version("churn", 1)
    assert train.run(2.0).result() == Version("churn", 2)
    newest, oldest = versions(workspace)
    assert (newest["number"], newest["metrics"], newest["tags"]) == (2, {"accuracy": 2.0}, {"c": "2.0"})
    assert oldest["record"]["task"] == "fit" and oldest["record"]["fingerprint"] == newest["record"]["fingerprint"]
    assert predicting.run("churn").result() == predicting.run("churn:1").result() == predict("churn:1")


def test_an_equal_model_is_the_version_that_is_there(workspace: MemoryWorkspace) -> None:
    train.run(1.0).result()
    assert train.run(1.0, {"f1": 0.5}).result() == Version("churn", 1)
    (only,) = versions(workspace)
    assert only["metrics"] == {"accuracy": 1.0, "f1": 0.5}


def test_a_step_that_fails_registers_nothing(workspace: MemoryWorkspace) -> None:
    with pytest.raises(StepError, match="after registering"):
        broken.run(1.0).result()
    assert workspace.ask_registry("models", {}) == []


def test_a_step_that_is_tried_again_registers_one_version(workspace: MemoryWorkspace) -> None:
    workspace.crash(fit, times=2, late=True)
    assert train.run(1.0).result() == Version("churn", 1)
    assert [view["number"] for view in versions(workspace)] == [1]
    assert train.run(2.0).result() == Version("churn", 2)


def test_a_rerun_adopts_and_registers_nothing_new(workspace: MemoryWorkspace) -> None:
    train.run(1.0).result()
    assert workspace.rerun().result() == Version("churn", 1)
    assert len(versions(workspace)) == 1


def test_one_step_may_register_several(workspace: MemoryWorkspace) -> None:
    assert trying.run().result() == [Version("many", 1), Version("many", 2), Version("many", 1)]
    assert [view["metrics"] for view in versions(workspace, "many")] == [{"c": 2.0}, {"c": 1.0}]


def test_outside_of_a_run_it_is_done_at_once(workspace: MemoryWorkspace) -> None:
    version = register(
        LogisticRegression().fit(X, Y), "own", example=X, metrics={"accuracy": 0.9}, description="by hand"
    )
    assert version == Version("own", 1) and register(load("own"), "own") == version
    view = find("own@champion") if promote(version) == [] else None
    assert view is not None and view["aliases"] == ["champion"] and view["description"] == "by hand" and not view["run"]
    np.testing.assert_array_equal(load("models:/own/1").predict(X), load(version).predict(X))


def test_a_flow_takes_a_model_by_its_name(workspace: MemoryWorkspace) -> None:
    train.run(1.0).result()
    assert taking.run("models:/churn:1").result() == "LogisticRegression"  # type: ignore[arg-type]
    assert taking.run(fitted(3.0)).result() == "LogisticRegression"


def test_which_version_a_step_was_given_is_kept(workspace: MemoryWorkspace) -> None:
    train.run(1.0).result()
    promote("churn:1")
    run = predicting.run("churn@champion")
    run.result()
    uses = workspace.ask_registry("model_uses", {"name": "churn", "number": 1})
    assert uses == [[run.id, 1, "churn", 1, "champion"]]


@pytest.mark.parametrize(
    ("name", "told"),
    [("nothing", "there is no model 'nothing'; there are churn"), ("churn@gone", "no alias 'gone'"), ("churn:7", "no version 7"),
     ("a b", "cannot be the name"), ("churn:x", "is no number")],
)  # fmt: skip
def test_what_is_not_there_is_told_with_what_is(workspace: MemoryWorkspace, name: str, told: str) -> None:
    train.run(1.0).result()
    with pytest.raises(NotFoundError, match=told):
        load(name)
    with pytest.raises(StepError, match=told):
        predicting.run(name).result()


def test_gates_are_asked_and_their_answers_kept(workspace: MemoryWorkspace) -> None:
    for c in (0.6, 0.9, 0.4):
        train.run(c).result()
    set_gates("churn", "champion", ["accuracy >= 0.5", "accuracy no worse"])
    assert gates_of("churn", "champion") == ["accuracy >= 0.5", "accuracy no worse"]
    assert all(verdict["is_met"] for verdict in promote("churn:1"))
    assert all(verdict["is_met"] for verdict in promote("churn:2", why="better"))
    with pytest.raises(GateError) as refused:
        promote("churn:3")
    told = str(refused.value)
    assert "2 of 2 gates are not met" in told and "accuracy is 0.4" in told and "worse than churn:2 by 0.5" in told
    assert [one["is_met"] for one in judged("churn:3")] == [False, False]
    assert moves(workspace) == [(2, 2), (1, 2), (0, 1)] and find("churn@champion")["number"] == 2
    with pytest.raises(GateError, match="needs a reason"):
        promote("churn:3", force=True)
    promote("churn:3", force=True, why="the data changed")
    newest = workspace.ask_registry("model_moves", {"name": "churn"})[0]
    assert newest["record"]["forced"] and newest["why"] == "the data changed" and len(newest["record"]["gates"]) == 2


def test_the_way_back_is_the_way_that_it_came(workspace: MemoryWorkspace) -> None:
    for c in (1.0, 2.0, 3.0):
        train.run(c).result()
        promote(f"churn:{int(c)}")
    assert str(rollback("churn", why="complaints")) == "churn:2"
    assert str(rollback("churn")) == "churn:1"
    with pytest.raises(NotFoundError, match="no other version before"):
        rollback("churn")
    promote("churn:3")
    assert str(rollback("churn")) == "churn:1" and moves(workspace)[0] == (3, 1)


def test_a_task_may_promote_what_it_registers(workspace: MemoryWorkspace) -> None:
    workspace.crash(at_once, times=1, late=True)
    assert straight.run(0.8).result()[0]["is_met"]
    assert find("churn@champion")["number"] == 1 and moves(workspace) == [(0, 1)]
    with pytest.raises(StepError, match="does not become champion"):
        straight.run(0.2).result()
    assert len(versions(workspace)) == 1


def test_an_alias_that_moved_since_it_was_judged_is_judged_anew(workspace: MemoryWorkspace) -> None:
    for c in (1.0, 2.0):
        train.run(c).result()
    move = {"name": "churn", "alias": "champion", "before": 2, "after": 1, "why": "", "record": {}}
    with pytest.raises(GateError, match="judge it again"):
        workspace.ask_registry("model_change", {"what": "move", "fields": move})
    assert moves(workspace) == []


def test_an_approval_is_asked_of_a_person(workspace: MemoryWorkspace) -> None:
    @task
    def decide(version: Version, decision: Any) -> str:
        promote(version, gates=["approved by ann"], approval=decision)
        return "promoted"

    @flow
    def releasing(c: float) -> str:
        version = fit(c)
        return decide(version, approval("Release?", show=version, approvers=["ann"]))

    run = releasing.submit(1.0)
    workspace.work()
    workspace.approve(run.id, by="ann", comment="fine")
    assert run.result() == "promoted"
    newest = workspace.ask_registry("model_moves", {"name": "churn"})[0]
    assert newest["record"]["approval"] == {"by": "ann", "comment": "fine"}


def test_evaluations_of_other_data_are_kept_beside_each_other(workspace: MemoryWorkspace) -> None:
    version = register(fitted(1.0), "churn", evaluation={"metrics": {"accuracy": 0.9, "each": {"a": 1.0}}, "rows": 5})
    evaluate_version(version, {"metrics": {"accuracy": 0.7}}, losses=np.zeros(4), data="abroad")
    view = find(version)
    assert view["evaluations"] == ["abroad", "test"] and view["metrics"] == {"accuracy": 0.9, "each.a": 1.0}


def test_latency_is_measured_one_row_at_a_time() -> None:
    found = measure_latency(fitted(1.0), repeats=10)
    assert 0 < found["latency_p50_s"] <= found["latency_p95_s"] < 5


def test_what_is_no_number_is_no_metric(workspace: MemoryWorkspace) -> None:
    with pytest.raises(ModelError, match="the metric accuracy is 'good'"):
        register(fitted(1.0), "churn", metrics={"accuracy": "good"})  # type: ignore[dict-item]
    with pytest.raises(ModelError, match="is no evaluation"):
        register(fitted(1.0), "churn", evaluation=3)


def test_a_version_that_no_alias_names_can_be_forgotten(workspace: MemoryWorkspace) -> None:
    for c in (1.0, 2.0):
        train.run(c).result()
    promote("churn:1")
    with pytest.raises(GateError, match="churn:1 is champion"):
        workspace.ask_registry("model_delete", {"name": "churn:1"})
    workspace.ask_registry("model_delete", {"name": "churn:2"})
    assert [view["number"] for view in versions(workspace)] == [1]
    assert train.run(2.0).result() == Version("churn", 3)


@task
def evaluated_twice(name: str, first: str) -> list[Any]:
    version = register(fitted(5.0), name)
    for data in (first, "train" if first == "test" else "test"):
        evaluate_version(version, {"metrics": {"accuracy": 0.6 if data == "test" else 1.0, data: 1.0}}, data=data)
    return list(promote(version, gates=["accuracy >= 0.9"], force=True, why="to see"))


@flow
def evaluating(name: str, first: str) -> list[Any]:
    return evaluated_twice(name, first)


def test_metrics_of_other_data_do_not_take_the_place_of_those_that_gates_read(workspace: MemoryWorkspace) -> None:
    version = register(fitted(1.0), "churn")
    evaluate_version(version, {"metrics": {"accuracy": 0.6}})
    evaluate_version(version, {"metrics": {"accuracy": 1.0, "f1": 0.9}}, data="train")
    assert find(version)["metrics"] == {"accuracy": 0.6, "f1": 0.9}
    assert [one["is_met"] for one in judged(version, gates=["accuracy >= 0.9"])] == [False]
    evaluate_version(version, {"metrics": {"accuracy": 0.7, "f1": 0.1}})
    assert find(version)["metrics"] == {"accuracy": 0.7, "f1": 0.9}
    assert sorted(find(version)["evaluations"]) == ["test", "train"]


def test_metrics_that_a_model_was_registered_with_are_of_the_data_that_was_said(workspace: MemoryWorkspace) -> None:
    version = register(fitted(1.0), "churn", metrics={"accuracy": 0.6, "auc": 0.6}, losses=np.zeros(3), data="holdout")
    evaluate_version(version, {"metrics": {"accuracy": 1.0}})
    assert register(fitted(1.0), "churn", metrics={"auc": 0.9}, data="train") == version
    assert find(version)["metrics"] == {"accuracy": 0.6, "auc": 0.6}
    register(fitted(1.0), "churn", metrics={"auc": 0.7}, data="holdout")
    assert find(version)["metrics"] == {"accuracy": 0.6, "auc": 0.7}


@pytest.mark.parametrize(("first", "accuracy"), [("test", 0.6), ("train", 1.0)])
def test_within_a_step_the_same_holds_as_in_the_registry(
    workspace: MemoryWorkspace, first: str, accuracy: float
) -> None:
    verdicts = evaluating.run("own", first).result()
    assert verdicts[0]["told"] == f"accuracy is {accuracy:g}"
    assert find("own@champion")["metrics"] == {"accuracy": accuracy, "test": 1.0, "train": 1.0}


def test_what_is_said_of_a_version_later_leaves_its_metrics(workspace: MemoryWorkspace) -> None:
    version = register(fitted(1.0), "churn", metrics={"accuracy": 0.6}, tags={"team": "sales"})
    assert register(fitted(1.0), "churn", tags={"team": "", "by": "ann"}, description="new") == version
    view = find(version)
    assert (view["metrics"], view["tags"], view["description"]) == ({"accuracy": 0.6}, {"by": "ann"}, "new")
