"""The laws of `partita.store.models.ModelStore` as tests: a part of `StoreContract`."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import FencedError, StaleMoveError, StoreError
from partita.store.models import (
    AliasRow,
    EvaluationRow,
    ModelRow,
    ModelUseRow,
    MoveRow,
    VersionCount,
    VersionRow,
    VersionUpdate,
)
from partita.store.port import Store, Turn
from partita.testing.store_rows import NOW as _NOW
from partita.testing.store_rows import a_run
from partita.values import pack, unpack

__all__ = ["ModelStoreContract", "a_move", "a_version", "an_update"]


def a_version(name: str, number: int, **changes: Any) -> VersionRow:
    """A version of a model."""
    row = VersionRow(
        name, number, f"{number:064x}", b"\x00value\xff", b"\x00record", b"\x00metrics", b"\x80", "é", "run-1", 3, "ann", _NOW
    )  # fmt: skip
    return row._replace(**changes)


def an_update(name: str, number: int, metrics: dict[str, float], data: str = "test", **changes: Any) -> VersionUpdate:
    """Something that is said of a version."""
    return VersionUpdate(name, number, pack(metrics), data, b"\x80", "")._replace(**changes)


def a_move(id: int, **changes: Any) -> MoveRow:
    """A move of an alias."""
    return MoveRow(id, "churn", "champion", 0, 1, "ann", "it is better", _NOW, b"\x00record\xff")._replace(**changes)


class ModelStoreContract:
    """What a store keeps of models."""

    def test_versions_are_numbered_for_each_model(self, store: Store) -> None:
        assert [store.next_version_number("a") for _ in range(3)] == [1, 2, 3]
        assert [store.next_version_number("é b") for _ in range(2)] == [1, 2]
        moves = [store.next_move_number() for _ in range(2)]
        assert moves == sorted(set(moves)) and store.next_version_number("a") == 4
        assert store.next_run_number() and store.next_event_number()

    def test_what_is_said_of_a_model_replaces_what_was_said(self, store: Store) -> None:
        rows = [ModelRow("b", "", b"\x80", 1.0), ModelRow("a", "é", b"\x00tags\xff", 2.0)]
        store.commit(Turn(models=rows))
        assert store.models() == [rows[1], rows[0]] and store.models(name="b") == [rows[0]]
        assert store.models(limit=1) == [rows[1]] and store.models(name="c") == []
        store.commit(Turn(models=[ModelRow("b", "new", b"x", 9.0)]))
        assert store.models(name="b") == [ModelRow("b", "new", b"x", 1.0)]

    def test_versions_come_back_as_they_were_the_newest_first(self, store: Store) -> None:
        rows = [
            a_version("a", number, digest="same" if number > 1 else "one", step=9 - number) for number in (1, 2, 10)
        ]
        other = a_version("b", 1, run="", step=-1, digest="same")
        store.commit(Turn(versions=[*rows, other]))
        assert store.versions("a") == rows[::-1] and store.versions("b") == [other] and store.versions("c") == []
        assert store.versions("a", limit=1) == [rows[2]] and store.versions("a", before=10, limit=5) == [
            rows[1],
            rows[0],
        ]
        assert store.model_version("a", 2) == rows[1] and store.model_version("a", 3) is None
        assert store.equal_version("a", "same") == rows[1] and store.equal_version("a", "other") is None
        assert store.versions_made("run-1") == rows[::-1] and store.versions_made("run-2") == []

    def test_a_version_that_is_there_is_refused(self, store: Store) -> None:
        store.commit(Turn(versions=[a_version("a", 1)]))
        with pytest.raises(StoreError):
            store.commit(Turn(runs=[a_run()], versions=[a_version("a", 1, digest="other")]))
        assert store.model_version("a", 1) == a_version("a", 1) and store.run_by_number(1) is None

    def test_what_people_say_of_a_version_may_change(self, store: Store) -> None:
        said = a_version("a", 1, metrics=pack({"auc": [0.9, "test"]}), tags=pack({"team": "sales", "old": "x"}))
        store.commit(Turn(versions=[said, a_version("a", 2)]))
        more = an_update("a", 1, {}, tags=pack({"old": "", "new": "y"}))
        store.commit(Turn(version_updates=[more, an_update("a", 7, {"auc": 0.8})]))
        assert store.model_version("a", 1) == said._replace(tags=pack({"team": "sales", "new": "y"}))
        store.commit(Turn(version_updates=[more._replace(description="new")]))
        assert (found := store.model_version("a", 1)) is not None and found.description == "new"
        assert store.model_version("a", 2) == a_version("a", 2) and store.model_version("a", 7) is None

    def test_a_metric_of_other_data_takes_no_ones_place(self, store: Store) -> None:
        store.commit(Turn(versions=[a_version("a", 1, metrics=pack({"old": 1.0}))]))
        steps: list[tuple[dict[str, float], str, dict[str, Any]]] = [
            ({"auc": 0.6, "old": 2.0}, "train", {"old": 1.0, "auc": [0.6, "train"]}),
            ({"auc": 0.5, "f1": 0.4}, "test", {"old": 1.0, "auc": [0.6, "train"], "f1": [0.4, "test"]}),
            ({"auc": 0.7, "f1": 0.9}, "train", {"old": 1.0, "auc": [0.7, "train"], "f1": [0.4, "test"]}),
            ({"old": 3.0, "f1": 0.3}, "test", {"old": [3.0, "test"], "auc": [0.7, "train"], "f1": [0.3, "test"]}),
        ]
        for metrics, data, expected in steps:
            store.commit(Turn(version_updates=[an_update("a", 1, metrics, data)]))
            row = store.model_version("a", 1)
            assert row is not None and unpack(row.metrics) == expected

    def test_what_one_turn_says_of_a_version_is_added_in_its_order(self, store: Store) -> None:
        updates = [an_update("a", 1, {"auc": number}, data) for number, data in ((0.6, "b"), (0.9, "a"), (0.7, "b"))]
        store.commit(Turn(versions=[a_version("a", 1, metrics=b"\x80")], version_updates=updates))
        row = store.model_version("a", 1)
        assert row is not None and unpack(row.metrics) == {"auc": [0.7, "b"]}

    def test_a_forgotten_version_takes_its_evaluations_along(self, store: Store) -> None:
        found = [EvaluationRow("a", number, "test", b"\x00value\xff", "run-1", 3, _NOW) for number in (1, 2)]
        store.commit(Turn(versions=[a_version("a", 1), a_version("a", 2)], evaluations=found))
        store.commit(Turn(unversioned=[("a", 1), ("b", 1)]))
        assert store.versions("a") == [a_version("a", 2)] and store.evaluations("a", 1) == []
        assert store.evaluations("a", 2) == [found[1]]

    def test_a_later_evaluation_of_the_same_data_takes_the_place_of_the_first(self, store: Store) -> None:
        rows = [EvaluationRow("a", 1, title, b"\x00" + title.encode(), "", 0, _NOW) for title in ("b", "é", "a")]
        store.commit(Turn(evaluations=rows))
        assert store.evaluations("a", 1) == [rows[2], rows[0], rows[1]]
        store.commit(Turn(evaluations=[rows[0]._replace(value=b"new", run="run-2", made_at=_NOW + 1)]))
        assert store.evaluations("a", 1)[1] == rows[0]._replace(value=b"new", run="run-2", made_at=_NOW + 1)

    def test_an_alias_names_one_version_and_its_moves_stay(self, store: Store) -> None:
        versions = [a_version("churn", number) for number in (1, 2, 3)] + [a_version("z", 1)]
        moves = [a_move(1), a_move(2, alias="a", after=2), a_move(3, name="z", alias="b", moved_at=_NOW + 2)]
        store.commit(Turn(versions=versions, moves=moves))
        a, champion = AliasRow("churn", "a", 2, _NOW), AliasRow("churn", "champion", 1, _NOW)
        assert store.aliases("churn") == [a, champion]
        assert store.aliases() == [a, champion, AliasRow("z", "b", 1, _NOW + 2)]
        more = [
            a_move(4, before=1, after=2), a_move(5, alias="a", before=2, after=0),
            a_move(6, before=2, after=3, moved_at=_NOW + 1), a_move(7, before=3, after=3),
        ]  # fmt: skip
        store.commit(Turn(moves=more))
        assert store.aliases("churn") == [AliasRow("churn", "champion", 3, _NOW + 1)]
        assert [row.id for row in store.moves("churn")] == [7, 6, 5, 4, 2, 1]
        assert store.moves("churn", alias="a") == [more[1], moves[1]]
        assert [row.id for row in store.moves("churn", limit=2)] == [7, 6] and store.moves("z") == [moves[2]]

    @pytest.mark.parametrize(
        "move",
        [
            pytest.param(a_move(9, before=2, after=3), id="of another"),
            pytest.param(a_move(9, before=0, after=3), id="of none"),
            pytest.param(a_move(9, before=1, after=4), id="to what is not there"),
            pytest.param(a_move(0, before=1, after=3), id="before the last one"),
            pytest.param(a_move(9, before=2, after=0), id="away from another"),
            pytest.param(a_move(9, alias="new", before=1, after=3), id="not there yet"),
            pytest.param(a_move(9, alias="new", before=1, after=0), id="away from none"),
        ],
    )
    def test_an_alias_that_names_something_else_is_not_moved(self, store: Store, move: MoveRow) -> None:
        store.commit(Turn(versions=[a_version("churn", number) for number in (1, 2, 3)], moves=[a_move(1)]))
        with pytest.raises(StaleMoveError) as caught:
            store.commit(Turn(runs=[a_run()], moves=[a_move(8, alias="b", after=2), move]))
        assert (caught.value.move, caught.value.version) == (move.id, None)
        assert store.run_by_number(1) is None, "a part of the turn was written"
        assert store.aliases() == [AliasRow("churn", "champion", 1, _NOW)] and store.moves("churn") == [a_move(1)]
        store.commit(Turn(runs=[a_run()], moves=[a_move(8, alias="b", after=2)]))
        assert [row.alias for row in store.aliases()] == ["b", "champion"] and store.run_by_number(1) == a_run()

    def test_a_version_that_an_alias_names_is_not_forgotten(self, store: Store) -> None:
        store.commit(Turn(versions=[a_version("churn", number) for number in (1, 2)], moves=[a_move(1)]))
        with pytest.raises(StaleMoveError) as caught:
            store.commit(Turn(unversioned=[("churn", 2), ("churn", 1)]))
        assert caught.value.version == ("churn", 1) and len(store.versions("churn")) == 2
        store.commit(Turn(moves=[a_move(2, before=1, after=2)], unversioned=[("churn", 1)]))
        assert store.versions("churn") == [a_version("churn", 2)]

    def test_versions_and_titles_of_evaluations_are_counted_for_many_at_once(self, store: Store) -> None:
        versions = [a_version("a", number) for number in (1, 2, 10)] + [a_version("b", 4)]
        found = [
            EvaluationRow(name, number, title, b"v", "", 0, _NOW)
            for name, number, title in [("a", 1, "t"), ("a", 2, "z"), ("a", 2, "é"), ("a", 2, "b"), ("a", 10, "t"), ("b", 2, "t")]
        ]  # fmt: skip
        store.commit(Turn(models=[ModelRow("c", "", b"", 1.0)], versions=versions, evaluations=found))
        assert store.version_counts() == [VersionCount("a", 3, 10), VersionCount("b", 1, 4)]
        assert store.version_counts("b") == [VersionCount("b", 1, 4)] and store.version_counts("c") == []
        assert store.evaluation_titles("a", 2, 10) == [(2, "b"), (2, "z"), (2, "é"), (10, "t")]
        assert store.evaluation_titles("a", 3, 9) == [] and store.evaluation_titles("c", 1, 9) == []

    def test_which_steps_were_given_a_version_goes_with_their_run(self, store: Store) -> None:
        rows = [
            ModelUseRow(run, step, "churn", number, "champion", _NOW)
            for run, step, number in [(1, 4, 2), (2, 0, 1), (1, 3, 1)]
        ]
        store.commit(Turn(runs=[a_run(), a_run(2)], model_uses=rows))
        store.commit(Turn(model_uses=[rows[0]._replace(alias="", used_at=_NOW + 1)]))
        rows[0] = rows[0]._replace(alias="", used_at=_NOW + 1)
        assert store.model_uses(run=1) == [rows[2], rows[0]]
        assert store.model_uses(name="churn", number=1) == [rows[2], rows[1]]
        assert store.model_uses(name="other", number=1) == []
        store.delete_run(1)
        assert store.model_uses(name="churn", number=1) == [rows[1]] and store.model_uses(run=1) == []

    def test_a_version_stays_when_its_run_is_deleted(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], versions=[a_version("churn", 1)], moves=[a_move(1)]))
        store.delete_run(1)
        assert store.model_version("churn", 1) == a_version("churn", 1) and store.moves("churn") == [a_move(1)]

    def test_who_lost_the_lease_registers_nothing(self, store: Store, make_store: Any) -> None:
        other = make_store()
        store.commit(Turn(models=[ModelRow("a", "", b"", 1.0)]))
        other.acquire("other")
        if other.peers() is None:
            with pytest.raises(FencedError):
                store.commit(Turn(versions=[a_version("a", 1)]))
            assert other.versions("a") == []
        other.close()
