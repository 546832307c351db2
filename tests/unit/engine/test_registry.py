"""What workers say they did to the model registry, of whatever form."""

from __future__ import annotations

from typing import Any

import pytest

from partita import context, flow, task
from partita.protocol.models import MODEL, checked_effect, model_digest, parse_name, stored_model
from partita.testing import MemoryWorkspace
from partita.values import OBJECT, PLAIN, pack

NODE = [
    OBJECT, MODEL, ["title", "format", "signature_data", "about", "files", "example"],
    [[PLAIN, "A"], [PLAIN, "onnx"], [PLAIN, {}], [PLAIN, {}], [PLAIN, {"model.onnx": b"x"}], [PLAIN, None]],
]  # fmt: skip


def version(**changes: Any) -> list[Any]:
    fields = {"name": "a", "number": 1, "value": pack(NODE), "record": {}, "metrics": {}, "tags": {}, "description": ""}
    return ["version", {**fields, **changes}]


@task
def odd() -> str:
    context().keep(EFFECT)  # type: ignore[attr-defined]
    return "done"


@flow
def doing() -> str:
    return odd()


EFFECT: Any = None

WRONG: dict[str, Any] = {
    "no list": {"what": "version"},
    "an unknown kind": ["delete", {}],
    "another number of parts": ["version", {}, 3],
    "a field that is missing": ["version", {"name": "a"}],
    "a field too many": version(more=1),
    "a name with a path": version(name="../a"),
    "a number below one": version(number=0),
    "a number that is none": version(number=True),
    "a number that no store keeps": version(number=2**40),
    "a value that is no model": version(value=pack([PLAIN, 3])),
    "bytes that are no value": version(value=b"\xc1"),
    "metrics that are none": version(metrics={"a": "b"}),
    "a metric that no row keeps": version(metrics={"a": 2**63}),
    "a record that is large": version(record={"a": "x" * (300 << 10)}),
    "tags that are no texts": version(tags={"a": 1}),
    "a description that is a book": version(description="x" * 20_000),
}


@pytest.mark.parametrize("effect", list(WRONG.values()), ids=list(WRONG))
def test_what_is_not_understood_is_left_out_and_said(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch, effect: Any
) -> None:
    monkeypatch.setitem(globals(), "EFFECT", effect)
    assert checked_effect(effect) is None
    run = doing.run()
    assert run.result() == "done" and workspace.ask_registry("models", {}) == []
    assert "cannot be understood" in run.view["notes"]["warnings"][0]["message"]


def test_what_is_of_the_form_is_done(workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "EFFECT", version())
    doing.run().result()
    assert workspace.ask_registry("model_find", {"name": "a"})["version"]["number"] == 1


def test_an_alias_of_a_version_that_is_not_there_is_said(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = {"name": "a", "alias": "champion", "before": 0, "after": 3, "why": "", "record": {}}
    monkeypatch.setitem(globals(), "EFFECT", ["move", move])
    run = doing.run()
    run.result()
    assert "there is no model 'a'" in run.view["notes"]["warnings"][0]["message"]


def test_a_flows_body_changes_nothing(workspace: MemoryWorkspace) -> None:
    @flow
    def registering() -> str:
        context().keep(version())  # type: ignore[attr-defined]
        return odd()

    run = registering.run()
    run.wait()
    assert run.state == "failed" and "register and promote in a task" in (run.view["error"] or {})["message"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("churn", ("churn", 0, "")), ("churn:3", ("churn", 3, "")), ("churn@best", ("churn", 0, "best")),
     ("models:/churn/3", ("churn", 3, "")), ("models:/churn@best", ("churn", 0, "best")), ("churn:latest", ("churn", 0, "")),
     ("ресторан-1.2:4", ("ресторан-1.2", 4, ""))],
)  # fmt: skip
def test_names(text: str, told: tuple[str, int, str]) -> None:
    assert tuple(parse_name(text)) == told


def test_a_model_is_told_from_what_only_looks_like_one() -> None:
    assert stored_model(NODE) is not None and stored_model([OBJECT, "a:B", [], []]) is None
    assert stored_model([OBJECT, MODEL, ["title"], [[PLAIN, "A"]]]) is None

    def changed(place: int, node: Any) -> list[Any]:
        return [*NODE[:3], [*NODE[3][:place], node, *NODE[3][place + 1 :]]]

    assert model_digest(changed(0, [PLAIN, "another title"])) == model_digest(NODE)
    assert model_digest(changed(4, [PLAIN, {"model.onnx": b"y"}])) != model_digest(NODE)
