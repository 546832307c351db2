"""The laws of `partita.store.publications.PublicationStore` as tests: a part of `StoreContract`."""

from __future__ import annotations

from typing import Any

import pytest

from partita.core.states import State
from partita.errors import StaleMoveError, StoreError
from partita.store.port import Store, Turn
from partita.store.publications import (
    GateCheckRow,
    GateFindingRow,
    PublicationRow,
    PublishedRunRow,
    Publishing,
    StageMoveRow,
    StageRow,
)
from partita.testing.store_rows import NOW as _NOW
from partita.testing.store_rows import a_run

__all__ = ["PublicationStoreContract", "a_publication", "a_stage_move"]


def a_publication(name: str, number: int, **changes: Any) -> PublicationRow:
    """A version of a flow."""
    row = PublicationRow(
        name, number, f"{number:064x}", "flows.py:train", "b" * 64, b"\x00record\xff", "é", "ann", _NOW, None
    )
    return row._replace(**changes)


def a_stage_move(id: int, **changes: Any) -> StageMoveRow:
    """A move of a stage."""
    return StageMoveRow(id, "train", "prod", 0, 1, "ann", "tested", _NOW, b"\x00record\xff")._replace(**changes)


def _published(**rows: Any) -> Turn:
    return Turn(publishing=Publishing(**rows))


class PublicationStoreContract:
    """What a store keeps of published flows."""

    def test_publications_are_numbered_for_each_flow(self, store: Store) -> None:
        assert [store.next_publication_number("a") for _ in range(3)] == [1, 2, 3]
        assert store.next_publication_number("é b") == 1
        moves = [store.next_stage_move_number() for _ in range(2)]
        assert moves == sorted(set(moves)) and store.next_publication_number("a") == 4

    def test_publications_come_back_as_they_were_the_newest_first(self, store: Store) -> None:
        rows = [a_publication("train", number) for number in (1, 2, 10)]
        other = a_publication("Zoo", 4, retired_at=_NOW + 1)
        store.commit(_published(publications=[*rows, other]))
        assert store.publications("train") == rows[::-1] and store.publications("none") == []
        assert store.publications("train", limit=1) == [rows[2]]
        assert store.publications("train", before=10) == [rows[1], rows[0]]
        assert store.publication("train", 2) == rows[1] and store.publication("train", 3) is None
        assert store.publication("Zoo", 4) == other
        assert store.newest_publications() == [other, rows[2]]
        assert store.newest_publications(limit=1) == [other] and store.newest_publications(after="Zoo") == [rows[2]]

    def test_a_publication_that_is_there_is_refused(self, store: Store) -> None:
        store.commit(_published(publications=[a_publication("a", 1)]))
        with pytest.raises(StoreError):
            store.commit(
                Turn(runs=[a_run()], publishing=Publishing(publications=[a_publication("a", 1, digest="other")]))
            )
        assert store.publication("a", 1) == a_publication("a", 1) and store.run_by_number(1) is None

    def test_a_stage_has_one_version_and_every_move_is_kept(self, store: Store) -> None:
        store.commit(_published(publications=[a_publication("train", 1), a_publication("train", 2)]))
        moves = [
            a_stage_move(1), a_stage_move(2, stage="dev"), a_stage_move(3, before=1, after=2, moved_at=_NOW + 1),
            a_stage_move(4, before=2, after=2),
        ]  # fmt: skip
        store.commit(_published(moves=moves))
        assert store.stages("train") == [StageRow("train", "dev", 1, _NOW), StageRow("train", "prod", 2, _NOW + 1)]
        assert store.stages() == store.stages("train") and store.stages("other") == []
        assert store.stage_moves("train") == moves[::-1] and store.stage_moves("train", stage="dev") == [moves[1]]
        assert store.stage_moves("train", before=3, limit=1) == [moves[1]] and store.stage_moves("other") == []
        store.commit(_published(moves=[a_stage_move(5, stage="dev", before=1, after=0)]))
        assert [row.stage for row in store.stages("train")] == ["prod"]

    @pytest.mark.parametrize(
        "move",
        [
            a_stage_move(9, before=2, after=1), a_stage_move(9, before=0, after=1), a_stage_move(9, before=1, after=7),
            a_stage_move(9, before=1, after=3), a_stage_move(1, before=1, after=2),
        ],
    )  # fmt: skip
    def test_a_move_that_rests_on_what_is_no_longer_so_is_refused(self, store: Store, move: StageMoveRow) -> None:
        versions = [a_publication("train", 1), a_publication("train", 2), a_publication("train", 3, retired_at=_NOW)]
        store.commit(_published(publications=versions))
        store.commit(_published(moves=[a_stage_move(2)]))
        for _ in range(2):
            with pytest.raises(StaleMoveError) as refused:
                store.commit(Turn(runs=[a_run()], publishing=Publishing(moves=[move])))
            assert refused.value.stage_move == move.id and not refused.value.move
        assert store.run_by_number(1) is None and store.stages("train") == [StageRow("train", "prod", 1, _NOW)]
        store.commit(_published(moves=[a_stage_move(10, before=1, after=2)]))
        assert store.stages("train")[0].number == 2

    def test_a_version_is_retired_once_and_not_while_a_stage_has_it(self, store: Store) -> None:
        store.commit(_published(publications=[a_publication("train", 1), a_publication("train", 2)]))
        store.commit(_published(moves=[a_stage_move(1)]))
        with pytest.raises(StaleMoveError) as refused:
            store.commit(_published(retired=[(_NOW, "train", 1)]))
        assert refused.value.publication == ("train", 1)
        store.commit(_published(retired=[(_NOW, "train", 2)]))
        store.commit(_published(retired=[(_NOW + 5, "train", 2)]))
        assert store.publication("train", 2) == a_publication("train", 2, retired_at=_NOW)
        assert store.publication("train", 1) == a_publication("train", 1)

    def test_what_gates_found_is_kept_with_the_version(self, store: Store) -> None:
        checks = [
            GateCheckRow("run1", "train", 1, "prod", "ann", "é", _NOW),
            GateCheckRow("run2", "train", 1, "dev", "bo", "", _NOW + 1),
            GateCheckRow("run3", "train", 2, "prod", "ann", "", _NOW),
        ]  # fmt: skip
        found = GateFindingRow("train", 1, "prod", "tests", False, "1 failed", "run1", 3, _NOW)
        other = GateFindingRow("train", 1, "dev", "sample", True, "", "run2", 4, _NOW)
        store.commit(_published(checks=checks, findings=[found, other]))
        assert store.gate_checks("train", 1) == [checks[1], checks[0]]
        assert store.gate_checks("train", 1, stage="prod") == [checks[0]]
        assert store.gate_checks("train", 1, limit=1) == [checks[1]]
        assert store.gate_check("run3") == checks[2] and store.gate_check("run4") is None
        assert store.gate_findings("train", 1) == [other, found] and store.gate_findings("train", 2) == []
        later = found._replace(is_met=True, told="2 passed", run="run9", found_at=_NOW + 9)
        store.commit(_published(checks=[checks[0]._replace(author="eve")], findings=[later]))
        assert store.gate_findings("train", 1) == [other, later] and store.gate_check("run1") == checks[0]

    def test_the_runs_of_a_version_are_found_and_forgotten_with_them(self, store: Store) -> None:
        runs = [a_run(number, id=f"r{number}", state=state) for number, state in ((1, 4), (2, 5), (3, 4), (4, 4))]
        uses = [PublishedRunRow(1, "a", 1), PublishedRunRow(2, "a", 2), PublishedRunRow(3, "a", 2)]
        store.commit(Turn(runs=runs, publishing=Publishing(runs=uses)))
        assert [row.number for row in store.published_runs("a")] == [3, 2, 1]
        assert store.published_runs("a", 2) == [runs[2], runs[1]] and store.published_runs("b") == []
        assert store.published_runs("a", states=[State.SUCCEEDED]) == [runs[2], runs[0]]
        assert store.published_runs("a", before=3, limit=1) == [runs[1]]
        assert [row.number for row in store.published_runs("a", is_upwards=True)] == [1, 2, 3]
        assert store.published_runs("a", before=1, limit=1, is_upwards=True) == [runs[1]]
        assert store.published_runs("a", flow=runs[0].flow, text="R2") == [runs[1]]
        assert store.published_runs("a", flow="another.py:one") == store.published_runs("a", text="r4") == []
        assert store.published_runs("a", since=runs[0].created_at, until=runs[0].created_at + 1)[-1:] == [runs[0]]
        assert store.published_runs("a", since=runs[2].created_at + 1) == []
        assert store.published_runs("a", until=runs[0].created_at) == []
        store.delete_run(3)
        assert [row.number for row in store.published_runs("a")] == [2, 1]

    def test_a_turn_with_nothing_but_published_flows_is_not_empty(self, store: Store) -> None:
        assert not _published(findings=[GateFindingRow("a", 1, "", "tests", True, "", "r", 1, _NOW)]).is_empty()
        assert not Publishing() and Turn().is_empty()
