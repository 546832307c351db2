"""A DAG of Airflow that is written as YAML (the form of dag-factory) as the beginning of a YAML flow."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from partita.core.standing import MOST_PRIORITY
from partita.flow.yaml.convert.draft import Draft, DraftStep, literal, unique_name

__all__ = ["dags_in", "from_airflow"]

#: Keys of a task that became something in the flow, or say nothing that a flow would have to say.
_READ = frozenset({
    "operator", "decorator", "task_id", "bash_command", "python_callable", "python_callable_name", "python_callable_file",
    "op_kwargs", "dependencies", "env", "pool", "pool_slots", "priority_weight", "retries", "retry_delay",
    "retry_delay_sec", "execution_timeout", "execution_timeout_secs", "doc_md", "doc", "owner", "start_date", "cwd",
    "email", "depends_on_past", "trigger_rule", "task_group_name",
})  # fmt: skip

_SCHEDULES = ("schedule", "schedule_interval", "timetable")
#: The same of a DAG.
_READ_OF_DAG = frozenset({
    *_SCHEDULES, "tasks", "default_args", "description", "doc_md", "dag_id", "tags", "start_date", "owner",
})  # fmt: skip


def dags_in(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The DAGs of a file, by name."""
    return {name: dag for name, dag in document.items() if isinstance(dag, dict) and "tasks" in dag}


def from_airflow(document: dict[str, Any], name: str) -> Draft:
    """The flow of one DAG of the file."""
    default = document.get("default")
    shared = default if isinstance(default, dict) else {}
    dag = {**shared, **document[name]}
    draft = Draft(
        header=[f"Made from the DAG {name} of an Airflow file by `partita convert`: a beginning. Look at every line"]
    )
    draft.header.append("that begins with `# !`. Python callables must be tasks: put @task above them.")
    draft.entries["name"] = re.sub(r"[^\w-]+", "_", name)
    told = dag.get("description") or dag.get("doc_md")
    if isinstance(told, str):
        draft.entries["description"] = literal(told.strip())
    if isinstance(dag.get("tags"), list):
        draft.entries["tags"] = [str(tag) for tag in dag["tags"]]
    for key in _SCHEDULES:
        if dag.get(key) is not None:
            draft.notes.append(f"when it starts ({key}: {dag[key]}) is not part of a flow")
    draft.notes += [f"`{key}` of the DAG is left out" for key in dag if key not in _READ_OF_DAG]
    defaults = {**_mapping(shared.get("default_args")), **_mapping(document[name].get("default_args"))}
    tasks = _tasks(dag["tasks"])
    taken: set[str] = set()
    names = {task: unique_name(task, taken) for task in tasks}
    for task, entries in tasks.items():
        draft.steps.append(_step(task, {**defaults, **entries}, names, entries))
    return draft


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tasks(given: Any) -> dict[str, dict[str, Any]]:
    if isinstance(given, dict):
        return {str(name): _mapping(task) for name, task in given.items()}
    found = [_mapping(task) for task in given] if isinstance(given, list) else []
    return {str(task.get("task_id", number)): task for number, task in enumerate(found, 1)}


def _step(task: str, given: dict[str, Any], names: dict[str, str], own: dict[str, Any]) -> DraftStep:
    notes: list[str] = []
    entries = _call(given, notes)
    before = [str(name) for name in given.get("dependencies") or [] if str(name) in names]
    lost = [str(name) for name in given.get("dependencies") or [] if str(name) not in names]
    if before:
        entries["needs"] = [names[name] for name in before]
    if lost:
        notes.append(f"it depends on {', '.join(lost)}, which this file does not have as tasks")
    if given.get("trigger_rule", "all_success") != "all_success":
        notes.append(f"its rule `{given['trigger_rule']}` is left out: use `steps.NAME.outcome` in `when:`")
    entries |= _options(given, notes)
    notes += [f"`{key}` is left out" for key in own if key not in _READ]
    return DraftStep(names[task], entries, notes)


def _call(given: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    kind = str(given.get("operator") or given.get("decorator") or "").rpartition(".")[2]
    if "bash_command" in given:
        text = str(given["bash_command"])
        if "{{" in text.replace("${{", ""):
            notes.append("its command holds a template of Airflow ({{ ... }}): write an input, `${{ inputs.NAME }}`")
        return {"run": literal(text.strip())} | ({"folder": str(given["cwd"])} if "cwd" in given else {})
    reference = _callable(given)
    if reference is not None:
        entries: dict[str, Any] = {"task": reference}
        arguments = _mapping(given.get("op_kwargs"))
        if arguments:
            entries["with"] = {str(name): _plain(value) for name, value in arguments.items()}
        if any(isinstance(value, str) and "{{" in value for value in arguments.values()):
            notes.append("an argument holds a template of Airflow ({{ ... }}): write an input, `${{ inputs.NAME }}`")
        if given.get("op_args"):
            notes.append("its positional arguments (op_args) are left out: write them by name under `with:`")
        return entries
    if kind in ("EmptyOperator", "DummyOperator"):
        return {"run": "true"}
    notes.append(f"{kind or 'its operator'} has no counterpart: write a task or a command in its place")
    return {"run": f"echo 'in place of {kind or 'an operator'}' && false"}


def _plain(value: Any) -> Any:
    return literal(value) if isinstance(value, str) else value


def _callable(given: dict[str, Any]) -> str | None:
    name, file = given.get("python_callable_name"), given.get("python_callable_file")
    if name and file:
        return f"{PurePath(str(file)).name}:{name}"
    written = given.get("python_callable")
    if isinstance(written, str) and written:
        module, _, function = written.rpartition(".")
        return f"{module}:{function}" if module else f"tasks:{function}"
    return None


def _options(given: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(given.get("retries"), int) and given["retries"]:
        found["retries"] = given["retries"]
    for key, option in (("retry_delay_sec", "retry_delay"), ("execution_timeout_secs", "timeout")):
        if isinstance(given.get(key), (int, float)):
            found[option] = given[key]
    for key, option in (("retry_delay", "retry_delay"), ("execution_timeout", "timeout")):
        if isinstance(given.get(key), (int, float)):
            found[option] = given[key]
        elif key in given:
            notes.append(f"`{key}: {given[key]}` is left out: write {option} in seconds, or as a text such as 5m")
    if "pool" in given:
        found["slots"] = {str(given["pool"]): int(given.get("pool_slots", 1))}
    if isinstance(given.get("priority_weight"), int):
        found["priority"] = max(-MOST_PRIORITY, min(given["priority_weight"], MOST_PRIORITY))
    if _mapping(given.get("env")):
        found["environment_variables"] = {str(key): str(value) for key, value in given["env"].items()}
    if found.get("retry_delay") is not None and "retries" not in found:
        del found["retry_delay"]
    return found
