"""Published flows in the engine: moves that another engine overtakes, and attempts that claim what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from partita import context, flow, task
from partita.engine.gates import checked_checks
from partita.errors import ConflictError, GateError, NotFoundError, PartitaError, ProtocolError
from partita.store.port import Turn
from partita.store.publications import Publishing, StageMoveRow
from partita.testing import MemoryWorkspace
from partita.values import pack

RECORD = {"title": "train", "parameters": [], "gates": []}
CHECKS = {"name": "train", "number": 1, "stage": "prod", "gates": [["tests", "pytest"]]}


def ask(workspace: MemoryWorkspace, verb: str, **fields: Any) -> Any:
    """What the engine answers to a client, once the turn is committed."""
    engine, told = workspace.engine, []
    engine.book.answer(lambda is_ok, answer: told.append((is_ok, answer)), engine.publications.verbs[verb](fields))
    engine.finish_turn()
    is_ok, answer = told[0]
    if not is_ok:
        raise {"GateError": GateError, "NotFoundError": NotFoundError}[answer["type"]](answer["message"])
    return answer


def publish(workspace: MemoryWorkspace, bundle: str = "b1", **record: Any) -> Any:
    fields = {"name": "train", "flow": "flows.py:train", "bundle": bundle, "record": {**RECORD, **record}, "by": "ann"}
    return ask(workspace, "publish", **fields)


def overtaken(workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch, **rows: Any) -> None:
    """Let another engine write in the moment in which this one writes its next move, or retires a version."""
    store = workspace.engine.book.store
    commit, left = store.commit, [rows]

    def at_once(turn: Turn) -> None:
        if (turn.publishing.moves or turn.publishing.retired) and left:
            others = left.pop()
            moves = [row._replace(id=store.next_stage_move_number()) for row in others.get("moves", ())]
            commit(Turn(publishing=Publishing(moves=moves, retired=others.get("retired", []))))
        commit(turn)

    monkeypatch.setattr(store, "commit", at_once)


def other_move(after: int) -> StageMoveRow:
    return StageMoveRow(0, "train", "prod", 0, after, "ben", "", 1.0, pack({}))


def test_a_move_that_another_engine_overtakes_is_refused_and_the_rest_of_the_turn_is_kept(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(workspace, "b1"), publish(workspace, "b2")
    overtaken(workspace, monkeypatch, moves=[other_move(2)])
    engine = workspace.engine
    engine.book.turn.publishing.publications.append(
        engine.book.store.publications("train")[0]._replace(number=9, digest="x")
    )
    with pytest.raises(GateError, match=r"train@prod has 2 since it was moved by ben; it was none when 1"):
        ask(workspace, "stage_move", name="train", stage="prod", after=1)
    assert ask(workspace, "stages", name="train")[0]["number"] == 2
    assert engine.book.store.publication("train", 9) is not None
    assert ask(workspace, "stage_move", name="train", stage="prod", before=2, after=1)["after"] == 1


def test_two_engines_that_move_to_the_same_version_agree(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(workspace)
    overtaken(workspace, monkeypatch, moves=[other_move(1)])
    assert ask(workspace, "stage_move", name="train", stage="prod", after=1)["after"] == 1
    assert len(ask(workspace, "stage_moves", name="train")) == 1


def promote(workspace: MemoryWorkspace, after: int, **fields: Any) -> Any:
    return ask(workspace, "stage_move", name="train", stage="prod", after=after, **fields)


def test_who_asks_again_with_a_key_gets_the_first_move_whatever_came_since(workspace: MemoryWorkspace) -> None:
    publish(workspace, "b1"), publish(workspace, "b2")
    first = promote(workspace, 1, key="k1", asked="1", record={"forced": True})
    assert first["record"] == {"forced": True}, "the key is nobody else's"
    promote(workspace, 2, key="k2", asked="2")
    assert promote(workspace, 1, key="k1", asked="1") == first
    assert ask(workspace, "stage_move_of_key", name="train", key="k1", asked="1") == first
    assert ask(workspace, "stage_move_of_key", name="train", key="k9", asked="1") is None
    assert ask(workspace, "stages", name="train")[0]["number"] == 2
    for changes in ({"asked": "other"}, {"asked": "other", "stage": "dev"}):
        with pytest.raises(ConflictError, match="train@prod was given 1 with this key"):
            ask(workspace, "stage_move", **{"name": "train", "stage": "prod", "after": 2, "key": "k1", **changes})
    with pytest.raises(ConflictError):
        ask(workspace, "stage_back", name="train", stage="prod", key="k1", asked="back")
    back = ask(workspace, "stage_back", name="train", stage="prod", key="k3", asked="back")
    assert (back["before"], back["after"]) == (2, 1)
    promote(workspace, 2)
    assert ask(workspace, "stage_back", name="train", stage="prod", key="k3", asked="back") == back
    assert ask(workspace, "stages", name="train")[0]["number"] == 2
    assert len(ask(workspace, "stage_moves", name="train")) == 4


def test_a_key_counts_also_where_the_stage_has_the_version_already(workspace: MemoryWorkspace) -> None:
    publish(workspace, "b1"), publish(workspace, "b2")
    promote(workspace, 1, by="ann")
    for number in range(120):
        first = promote(workspace, 1, key=f"k{number}", asked="1", by="ci")
        assert (first["before"], first["after"]) == (1, 1)
    promote(workspace, 2, by="ben")
    assert promote(workspace, 1, key="k7", asked="1")["after"] == 1
    held = ask(workspace, "stages", name="train")[0]
    assert (held["number"], held["by"]) == (2, "ben")
    assert [move["after"] for move in ask(workspace, "stage_moves", name="train", limit=2)] == [2, 1]
    assert ask(workspace, "stage_back", name="train", stage="prod")["after"] == 1
    ask(workspace, "stage_move", name="train", stage="dev", after=1, by="eve")
    for number in range(120):
        ask(workspace, "stage_move", name="train", stage="dev", after=1, key=f"d{number}", by="ci")
    assert {item["stage"]: item["by"] for item in ask(workspace, "stages", name="train")}["dev"] == "eve"


def test_two_who_ask_with_one_key_at_once_are_told_alike(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(workspace, "b1"), publish(workspace, "b2")
    engine, told = workspace.engine, []
    fields = {"name": "train", "stage": "prod", "after": 1, "key": "k1", "asked": "1"}

    def both() -> None:
        for _ in range(2):
            engine.book.answer(
                lambda is_ok, answer: told.append((is_ok, answer)), engine.publications.verbs["stage_move"](fields)
            )
        engine.finish_turn()

    overtaken(workspace, monkeypatch, moves=[other_move(2)])
    both()
    assert [is_ok for is_ok, _ in told] == [False, False] and all("by ben" in answer["message"] for _, answer in told)
    told.clear()
    both()
    assert told[0] == told[1] and told[0][0]
    assert len(ask(workspace, "stage_moves", name="train")) == 2


def test_a_version_is_not_retired_that_another_engine_gives_to_a_stage(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(workspace)
    overtaken(workspace, monkeypatch, moves=[other_move(1)])
    with pytest.raises(GateError, match="train@1 is what prod has"):
        ask(workspace, "publication_retire", name="train@1")
    assert ask(workspace, "publication_find", name="train@1")["retired_at"] is None


def test_what_lacks_gates_is_passed_by_and_cannot_be_launched(workspace: MemoryWorkspace) -> None:
    publish(workspace, "b1")
    held = publish(workspace, "b2", gates=["tests"])
    assert held["lacks"] == ["tests"] and ask(workspace, "publication_find", name="train")["number"] == 1
    launch = workspace.engine.launch
    with pytest.raises(GateError, match="has not passed"):
        launch.launch(
            {"flow": "train@2", "publication": "train@2", "is_sample": True}
        )  # only an attempt's child is one
    with pytest.raises(NotFoundError, match="no version 7"):
        launch.launch({"flow": "train@7", "publication": "train@7"})


@pytest.mark.parametrize(
    "changes", [{"name": "../a"}, {"gates": []}, {"gates": [["a"]]}, {"gates": 3}, {"number": "x"}, {"stage": "latest"}, {"gates": None}]
)  # fmt: skip
def test_gates_that_are_none_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ProtocolError, NotFoundError)):
        checked_checks({**CHECKS, **changes})


@task
def claims() -> str:
    attempt: Any = context()
    for verb, fields in (("gate_found", {"gate": "tests", "is_met": True}), ("gates_passed", {}), ("gate_facts", {})):
        try:
            attempt.ask(verb, fields)
        except PartitaError as error:
            assert "checks no gates" in str(error)
        else:
            return f"{verb} was believed"
    try:
        attempt.ask("gate_other", {})
    except PartitaError as error:
        return str(error)
    return ""


@flow
def claiming() -> str:
    return claims()


def test_a_run_that_checks_nothing_says_nothing_of_gates(workspace: MemoryWorkspace) -> None:
    publish(workspace, gates=["tests"])
    assert "does not know" in claiming.run().result()
    assert ask(workspace, "publication_find", name="train@1")["lacks"] == ["tests"]


def test_lists_leave_graphs_out_and_one_version_has_its_own(workspace: MemoryWorkspace) -> None:
    graph = {"steps": [], "profiles": [], "profile_of": [], "total": 0}
    assert publish(workspace, graph=graph)["graph"] == graph
    assert ask(workspace, "publication_find", name="train")["graph"] == graph
    assert [view["graph"] for view in ask(workspace, "publications", name="train")] == [None]
    with pytest.raises(ProtocolError, match="at most"):
        publish(workspace, "b2", summary="x" * (9 << 20))


def test_what_changes_of_published_flows_is_news(workspace: MemoryWorkspace) -> None:
    news = workspace.engine.book.news

    def told(verb: str, **fields: Any) -> list[tuple[str, str]] | None:
        before = news.version
        ask(workspace, verb, **fields)
        return news.since(before)

    publish(workspace, "b1")
    before = news.version
    publish(workspace, "b2")
    assert news.since(before) == [("flows", "train")]
    before = news.version
    publish(workspace, "b2")  # is there
    assert news.since(before) == []
    assert told("stage_move", name="train", stage="prod", after=1) == [("flows", "train")]
    assert told("stage_move", name="train", stage="prod", after=1) == []
    assert told("publication_retire", name="train@2") == [("flows", "train")]


def test_what_a_gate_finds_is_news(workspace: MemoryWorkspace) -> None:
    publish(workspace, gates=["tests"])
    engine = workspace.engine
    run = engine.launch.launch({"flow": "checks.py:check", "bundle": "b1", "checks": {**CHECKS, "stage": ""}})
    engine.finish_turn()
    before = engine.book.news.version
    engine.publications.asked(run.run.id, 0, "gate_found", {"gate": "tests", "is_met": True})
    engine.finish_turn()
    assert ("flows", "train") in (engine.book.news.since(before) or [])
