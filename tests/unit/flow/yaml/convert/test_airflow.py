"""DAGs of Airflow that are written as YAML, as the beginning of a flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from partita.errors import NotFoundError
from partita.flow.yaml.problems import Problems
from partita.flow.yaml.source import read_source
from partita.workspace.converting import convert_file

DAGS = """
default:
  default_args: {owner: me, retries: 1, retry_delay_sec: 30}
daily:
  description: Every day
  schedule_interval: "0 3 * * *"
  tasks:
    extract:
      operator: airflow.operators.bash.BashOperator
      bash_command: "echo ${HOME} $(date)"
      env: {A: 1}
    transform:
      operator: airflow.operators.python.PythonOperator
      python_callable_name: work
      python_callable_file: /dags/etl/work.py
      op_kwargs: {count: 3}
      dependencies: [extract]
      pool: db
      pool_slots: 2
      execution_timeout_secs: 60
    load:
      decorator: airflow.sdk.task
      python_callable: etl.load.store
      dependencies: [extract, transform, elsewhere]
      priority_weight: 5
      retries: 0
    done: {operator: airflow.operators.empty.EmptyOperator, dependencies: [load]}
    odd:
      operator: airflow.providers.snowflake.SnowflakeOperator
      sql: select 1
      trigger_rule: all_done
      dependencies: [load]
weekly:
  tasks:
    - {task_id: one, operator: BashOperator, bash_command: "echo {{ ds }}"}
    - {task_id: two, operator: BashOperator, bash_command: ls, dependencies: [one], retry_delay: 0:05:00}
"""


def converted(folder: Path, dag: str, text: str = DAGS) -> tuple[dict[str, Any], list[str]]:
    (folder / "dags.yaml").write_text(text, encoding="utf-8")
    found = convert_file(folder / "dags.yaml", dag)
    problems = Problems("flow.yaml")
    root = read_source(found["text"], problems)
    assert root is not None and not problems
    return root.plain(), found["notes"]


def test_what_is_clear_becomes_steps(tmp_path: Path) -> None:
    flow, notes = converted(tmp_path, "daily")
    assert flow["name"] == "daily" and flow["description"] == "Every day"
    assert flow["steps"]["extract"] == {
        "run": "echo ${HOME} $(date)",
        "retries": 1,
        "retry_delay": 30,
        "environment_variables": {"A": "1"},
    }
    assert flow["steps"]["transform"] == {
        "task": "work.py:work",
        "with": {"count": 3},
        "needs": ["extract"],
        "retries": 1,
        "retry_delay": 30,
        "timeout": 60,
        "slots": {"db": 2},
    }
    assert flow["steps"]["load"] == {"task": "etl.load:store", "needs": ["extract", "transform"], "priority": 5}
    assert flow["steps"]["done"]["run"] == "true"
    for told in (
        "schedule_interval: 0 3 * * *",
        "load: it depends on elsewhere",
        "odd: SnowflakeOperator has no counterpart",
        "odd: its rule `all_done` is left out",
        "odd: `sql` is left out",
    ):
        assert any(told in note for note in notes), told


def test_tasks_may_stand_in_a_list(tmp_path: Path) -> None:
    flow, notes = converted(tmp_path, "weekly")
    assert flow["steps"]["two"]["needs"] == ["one"]
    assert any("one: its command holds a template of Airflow" in note for note in notes)
    assert any("two: `retry_delay: 0:05:00` is left out" in note for note in notes)


def test_one_of_several_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has 2 DAGs; name one: --dag daily or --dag weekly"):
        converted(tmp_path, "")
    with pytest.raises(NotFoundError, match="has no DAG 'dayly'"):
        converted(tmp_path, "dayly")
    flow, _ = converted(tmp_path, "", "only: {tasks: {a: {bash_command: ls}}}")
    assert flow["steps"] == {"a": {"run": "ls"}}


def test_what_is_said_for_all_dags_holds_for_each(tmp_path: Path) -> None:
    text = """
default: {schedule: "@daily", catchup: false, description: All alike}
one:
  max_active_runs: 1
  tags: [nightly]
  tasks: {a: {operator: BashOperator, bash_command: ls}}
"""
    flow, notes = converted(tmp_path, "one", text)
    assert flow["description"] == "All alike" and flow["tags"] == ["nightly"]
    assert notes == [
        "when it starts (schedule: @daily) is not part of a flow",
        "`catchup` of the DAG is left out",
        "`max_active_runs` of the DAG is left out",
    ]
