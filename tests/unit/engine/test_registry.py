"""What workers say they did to the model registry, of whatever form."""

from __future__ import annotations

import re
from typing import Any

import pytest

from partita import context, flow, task
from partita.errors import GateError, NotFoundError
from partita.models import promote
from partita.protocol.models import MODEL, checked_effect, model_digest, parse_name, stored_model
from partita.store.models import MoveRow
from partita.store.port import Turn
from partita.testing import MemoryWorkspace
from partita.values import OBJECT, PLAIN, pack

NODE = [
    OBJECT, MODEL, ["title", "format", "signature_data", "about", "files", "example"],
    [[PLAIN, "A"], [PLAIN, "onnx"], [PLAIN, {}], [PLAIN, {}], [PLAIN, {"model.onnx": b"x"}], [PLAIN, None]],
]  # fmt: skip


def version(**changes: Any) -> list[Any]:
    fields = {
        "name": "a",
        "number": 1,
        "value": pack(NODE),
        "record": {},
        "metrics": {},
        "data": "test",
        "tags": {},
        "description": "",
    }
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
    "data without a name": version(data=""),
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


def moved_meanwhile(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch, *moves: MoveRow, forgotten: int = 0
) -> None:
    """Let another engine move aliases in the moment in which this one writes its next move, or forgets a version."""
    store, left = workspace.engine.book.store, list(moves)
    commit = store.commit

    def at_once(turn: Turn) -> None:
        if (turn.moves or turn.unversioned) and left:
            others = [left.pop(0)._replace(id=store.next_move_number()) for _ in moves]
            commit(Turn(moves=others, unversioned=[("a", forgotten)] if forgotten else []))
        commit(turn)

    monkeypatch.setattr(store, "commit", at_once)


def other_move(**changes: Any) -> MoveRow:
    return MoveRow(0, "a", "champion", 0, 2, "ben", "it is quick", 1.0, pack({}))._replace(**changes)


def with_versions(workspace: MemoryWorkspace, count: int = 3) -> None:
    for number in range(1, count + 1):
        what, fields = version(number=number)
        workspace.ask_registry("model_change", {"what": what, "fields": fields})


def ask_to_move(workspace: MemoryWorkspace, **changes: Any) -> Any:
    move = {"name": "a", "alias": "champion", "before": 0, "after": 3, "why": "", "record": {}, **changes}
    return workspace.ask_registry("model_change", {"what": "move", "fields": move, "by": "ann"})


def aliases(workspace: MemoryWorkspace) -> dict[str, int]:
    found: dict[str, int] = workspace.ask_registry("models", {"name": "a"})[0]["aliases"]
    return found


TOLD = (
    r"a@champion was not moved to 3: that was judged when it was nothing, and it is 2 now, since ben moved it from nothing "
    r"\(it is quick\); judge it again"
)


def test_who_moved_an_alias_in_the_same_moment_is_said(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(workspace)
    moved_meanwhile(workspace, monkeypatch, other_move())
    with pytest.raises(GateError, match=TOLD):
        ask_to_move(workspace)
    assert aliases(workspace) == {"champion": 2}
    assert ask_to_move(workspace, before=2) and aliases(workspace) == {"champion": 3}
    assert [(move["before"], move["after"]) for move in workspace.ask_registry("model_moves", {"name": "a"})] == [
        (2, 3), (0, 2),
    ]  # fmt: skip


def test_the_same_move_by_another_in_the_same_moment_is_none(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(workspace)
    moved_meanwhile(workspace, monkeypatch, other_move(after=3))
    assert ask_to_move(workspace) == {"number": None, "is_new": True}
    assert len(workspace.ask_registry("model_moves", {"name": "a"})) == 1


def test_promoting_judges_anew_what_moved_in_the_same_moment(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(workspace)
    for number, accuracy in enumerate((0.5, 0.9, 0.7), 1):
        note = {
            "name": "a",
            "number": number,
            "metrics": {"accuracy": accuracy},
            "data": "test",
            "tags": {},
            "description": "",
        }
        workspace.ask_registry("model_change", {"what": "note", "fields": note})
    moved_meanwhile(workspace, monkeypatch, other_move())
    with pytest.raises(GateError, match="worse than a:2"):
        promote("a:3", gates=["accuracy no worse"])
    assert aliases(workspace) == {"champion": 2}


def test_a_version_that_gets_an_alias_or_goes_in_the_same_moment(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(workspace)
    with monkeypatch.context() as patch:
        moved_meanwhile(workspace, patch, other_move())
        with pytest.raises(GateError, match="a:2 is champion; move that"):
            workspace.ask_registry("model_delete", {"name": "a:2"})
    with monkeypatch.context() as patch:
        moved_meanwhile(workspace, patch, other_move(alias="other"), forgotten=3)
        with pytest.raises(NotFoundError, match="the model a has no version 3"):
            ask_to_move(workspace, before=2)
    assert aliases(workspace) == {"champion": 2, "other": 2}


def test_a_step_whose_move_came_too_late_succeeds_and_its_run_says_so(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(workspace)
    move = {"name": "a", "alias": "champion", "before": 0, "after": 3, "why": "", "record": {}}
    monkeypatch.setitem(globals(), "EFFECT", ["move", move])
    moved_meanwhile(workspace, monkeypatch, other_move())
    run = doing.run()
    assert run.result() == "done" and aliases(workspace) == {"champion": 2}
    (warning,) = run.view["notes"]["warnings"]
    assert re.match(f"odd: {TOLD}", warning["message"])


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


def test_all_versions_are_counted_and_listing_them_asks_the_store_no_more_often(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(workspace, 1)
    store = workspace.engine.book.store
    (first,) = store.versions("a")
    more = [first._replace(number=number, digest=f"{number:064x}") for number in range(2, 1003)]
    store.commit(Turn(versions=more, moves=[other_move(id=store.next_move_number(), after=1002)]))
    asked = []
    for verb in ("versions", "version_counts", "aliases", "evaluations", "evaluation_titles", "model_version"):
        told = getattr(store, verb)
        monkeypatch.setattr(store, verb, lambda *given, told=told, **more: asked.append(told) or told(*given, **more))
    (model,) = workspace.ask_registry("models", {})
    assert (model["versions"], model["latest"], model["aliases"]) == (1002, 1002, {"champion": 1002})
    views = workspace.ask_registry("model_versions", {"name": "a", "limit": 1000})
    assert [view["aliases"] for view in views if view["aliases"]] == [["champion"]] and len(views) == 1000
    assert len(asked) == 5
