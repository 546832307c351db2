"""SQLite's rows in PostgreSQL: all of them, each as it was, or none."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import pytest

from partita.core.states import State
from partita.errors import StoreError
from partita.store.access import AccessTurn
from partita.store.copying import _TABLES, copy_store
from partita.store.models import EvaluationRow, ModelRow, ModelUseRow
from partita.store.port import (
    AttemptEnd,
    AttemptRow,
    CacheRow,
    EventRow,
    LearnedRow,
    PlanRow,
    ProfileRow,
    ReportRow,
    StepUpdate,
    Turn,
    WaitRow,
)
from partita.store.postgres import PostgresStore
from partita.store.publications import GateCheckRow, GateFindingRow, PublishedRunRow, Publishing
from partita.store.sqlite import SqliteStore
from partita.testing.access_store_contract import a_session, a_token, a_user, an_entry
from partita.testing.model_store_contract import a_move, a_version
from partita.testing.publication_store_contract import a_publication, a_stage_move
from partita.testing.secret_store_contract import a_secret
from partita.testing.store_contract import a_run, a_step
from tests.contract.postgres_server import new_schema


@pytest.fixture
def source(tmp_path: Path) -> Path:
    store = SqliteStore(tmp_path / "store.db")
    store.acquire("one")
    runs = [a_run(store.next_run_number(), title="é" * 9) for _ in range(3)]
    steps = [a_step(number, run=run.number, value=bytes(range(256)) * 3) for run in runs for number in range(700)]
    values = [0.5, -0.0, math.nan, math.inf, 3]
    store.commit(
        Turn(
            runs=runs, profiles=[ProfileRow(1, 0, b"\0profile")],
            plans=[PlanRow(run, part, b"\0plan") for run in (1, 2) for part in (0, 10, 2)], steps=steps,
            attempts=[AttemptRow(1, number, 1, "process", 1.5, "process/é", 5 << 40) for number in range(3)],
            attempt_ends=[AttemptEnd("failed", 1.5, 2.5, 0.1, 5 << 33, b"error", "a:1:2", 1, 1, 1, 7 << 40)],
            step_updates=[StepUpdate(State.FAILED, None, b"\xff", 1, 1, 0, 9.5, 7, 4, 1, 1)],
            reports=[ReportRow(1, 2, 1, "loss", value, number, 9.0) for number, value in enumerate(values)],
            waits=[WaitRow(1, 5, "event", "go", None, 1.0, None, b"spec", None, None, "")],
            events=[EventRow(store.next_event_number(), 1, "go", "k", f"id{n}", b"data", "me", 2.0, None) for n in range(3)],
            cached=[CacheRow(b"\0key", "f", "f", "run-1", 1, b"value", b"parts", 1.0, None, 2, 3.0)],
            models=[ModelRow(name, "é", b"\0tags", 1.0) for name in ("b:é", "B:z")],
            versions=[a_version(name, number) for name in ("b:é", "B:z") for number in (2, 10)],
            evaluations=[EvaluationRow("B:z", 2, title, b"\0value", "", 0, 1.0) for title in ("é", "Z", "a")],
            moves=[a_move(id, name="B:z", alias=alias, after=2) for id, alias in ((1, "champion"), (2, "Challenger"))],
            publishing=Publishing(
                publications=[a_publication(name, number) for name in ("b:é", "B:z") for number in (2, 10)],
                moves=[a_stage_move(id, name="B:z", stage=stage, after=2) for id, stage in ((1, "prod"), (2, "Dev"))],
                checks=[GateCheckRow(run, "B:z", 2, "prod", "ann", "é", 1.0) for run in ("b", "B", "1")],
                findings=[GateFindingRow("B:z", 2, "prod", gate, gate != "é", "", "b", 1, 1.0) for gate in ("é", "Z", "a")],
                runs=[PublishedRunRow(number, "B:z", 2) for number in (1, 2)],
            ),
            model_uses=[ModelUseRow(1, 1, name, 2, "champion", 1.0) for name in ("b:é", "B:z")],
            access=AccessTurn(
                tokens=[a_token("a1"), a_token("B2")], users=[a_user("b:é"), a_user("B:z", is_disabled=1)],
                sessions=[a_session("s2"), a_session("S1")], audit=[an_entry(), an_entry(who="\n")],
            ),
            learned=[LearnedRow("task", f, "", node, f, 1, b"state", 1.0) for f in ("b:é", "B:z") for node in ("x", "")],
            secrets=[a_secret(name, 3) for name in ("api_token", "API_TOKEN")],
        )
    )  # fmt: skip
    store.commit(Turn(event_takes=[(1, 5, 2)]))
    store.close()
    return tmp_path / "store.db"


def test_every_row_comes_over_as_it_was(source: Path) -> None:
    target, told = PostgresStore(new_schema()), []
    counts = copy_store(source, target, lambda table, rows: told.append((table, rows)))
    assert counts["step"] == 2100 and counts["report"] == 5 and ("step", 2000) in told
    before = SqliteStore(source)
    assert target.runs() == before.runs() and target.profiles(1) == before.profiles(1)
    assert target.plan(2) == before.plan(2) and len(target.plan(2)) == 3
    for run in (1, 2, 3):
        assert list(target.all_steps(run)) == list(before.all_steps(run))
        assert target.attempts(run) == before.attempts(run) and target.waits(run) == before.waits(run)
    assert repr(target.reports(1)) == repr([row._replace(value=float(row.value)) for row in before.reports(1)])
    assert target.pending_events(1) == before.pending_events(1) and target.event(1, "id1") == before.event(1, "id1")
    assert target.cache_entries() == before.cache_entries()
    assert target.learned() == before.learned() and len(target.learned()) == 4
    assert target.secrets() == before.secrets() and len(target.secrets()) == 2
    assert target.models() == before.models() and target.aliases() == before.aliases() and len(target.aliases()) == 2
    assert target.versions("B:z") == before.versions("B:z") and len(target.versions("B:z")) == 2
    assert target.evaluations("B:z", 2) == before.evaluations("B:z", 2) and len(target.evaluations("B:z", 2)) == 3
    assert target.moves("churn") == before.moves("churn") and target.model_uses(run=1) == before.model_uses(run=1)
    assert target.tokens() == before.tokens() and target.users() == before.users() and len(target.users()) == 2
    assert target.sessions() == before.sessions() and target.audit() == before.audit() and len(target.audit()) == 2
    for name in ("b:é", "B:z"):
        assert target.publications(name) == before.publications(name) and len(target.publications(name)) == 2
    assert target.stages() == before.stages() and len(target.stages()) == 2
    assert target.stage_moves("B:z") == before.stage_moves("B:z") and len(target.stage_moves("B:z")) == 2
    assert target.gate_checks("B:z", 2) == before.gate_checks("B:z", 2) and len(target.gate_checks("B:z", 2)) == 3
    assert target.gate_findings("B:z", 2) == before.gate_findings("B:z", 2) and len(target.gate_findings("B:z", 2)) == 3
    assert target.published_runs("B:z") == before.published_runs("B:z") and len(target.published_runs("B:z")) == 2
    assert target.next_run_number() == 4 and target.next_event_number() == 4
    target.acquire("two")
    target.commit(Turn(reports=[ReportRow(1, 2, 1, "loss", 7.5, 9, 9.0)]))
    assert target.reports(1)[-1].value == 7.5
    before.close()
    target.close()


def test_a_target_that_has_runs_is_left_alone(source: Path) -> None:
    target = PostgresStore(new_schema())
    target.acquire("one")
    target.commit(Turn(runs=[a_run(9)]))
    with pytest.raises(StoreError, match="has runs already"):
        copy_store(source, target)
    assert [row.number for row in target.runs()] == [9]
    target.close()


def test_a_target_that_has_learned_from_runs_is_left_alone(source: Path) -> None:
    target = PostgresStore(new_schema())
    target.acquire("one")
    target.commit(Turn(learned=[LearnedRow("all", "", "", "", "", 1, b"state", 1.0)]))
    with pytest.raises(StoreError, match="has runs already, or had"):
        copy_store(source, target)
    assert target.runs() == [] and len(target.learned()) == 1
    target.close()


#: What lies in a store beside its rows: who writes it at this moment, and how that is told.
NOT_COPIED = {
    "sqlite": {"lease"},
    "postgres": {"lease", "engine", "workspace", "message", "claim", "slot", "partita_schema"},
}


def columns_of(source: Path, target: PostgresStore) -> dict[str, dict[str, set[str]]]:
    """The columns of every table of both kinds of stores."""
    found: dict[str, dict[str, set[str]]] = {"sqlite": {}, "postgres": {}}
    rows = sqlite3.connect(source)
    for (table,) in rows.execute("select name from sqlite_master where type = 'table'").fetchall():
        found["sqlite"][table] = {row[1] for row in rows.execute(f"pragma table_info({table})")}
    rows.close()
    with target.reading() as read:
        for table, column in read(
            "select table_name::text, column_name::text from information_schema.columns where table_schema = current_schema()"
        ):
            found["postgres"].setdefault(table, set()).add(column)
    return found


def test_no_table_and_no_column_is_left_out(source: Path) -> None:
    target = PostgresStore(new_schema())
    copied = {table: {part.split()[0] for part in columns.split(", ")} for table, columns in _TABLES.items()}
    for kind, tables in columns_of(source, target).items():
        known = {table: columns for table, columns in tables.items() if table in copied}
        known["report"] -= {"place"}  # in what order they came, which SQLite tells without a column
        known["run"] -= {"engine"}  # that has it, of which there is one in SQLite
        assert set(tables) - set(copied) <= NOT_COPIED[kind], kind
        assert known == copied, kind
    target.close()


@pytest.mark.parametrize("table", [table for table in _TABLES if table != "counter"])
def test_a_target_that_has_a_row_of_any_kind_is_left_alone(source: Path, table: str) -> None:
    full, target = PostgresStore(new_schema()), PostgresStore(new_schema())
    copy_store(source, full)
    counts = {}
    with full.reading() as read, target.copying() as sink:
        columns = [part.split() for part in _TABLES[table].split(", ")]
        names, kinds = [name for name, _ in columns], [kind for _, kind in columns]
        listed = ", ".join(f'"{name}"' for name in names)
        counts[table] = sink.write(table, names, kinds, iter(list(read(f"select {listed} from {table}"))[:1]))
    assert counts[table] == 1
    with pytest.raises(StoreError, match="has runs already, or had"):
        copy_store(source, target)
    with target.reading() as read:
        assert list(read(f"select count(*) from {table}")) == [(1,)]
    full.close()
    target.close()


def test_what_does_not_come_over_leaves_nothing(source: Path) -> None:
    store = SqliteStore(source)
    store.acquire("one")
    store.commit(Turn(runs=[a_run(50, title="a\0b")]))  # a text that PostgreSQL cannot hold
    store.close()
    target = PostgresStore(new_schema())
    with pytest.raises(StoreError):
        copy_store(source, target)
    assert target.runs() == [] and target.next_run_number() == 1
    target.close()
