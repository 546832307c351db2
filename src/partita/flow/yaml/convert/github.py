"""A workflow of GitHub Actions as the beginning of a YAML flow: what is clear becomes steps, the rest is noted."""

from __future__ import annotations

import itertools
import re
from typing import Any

from partita.flow.yaml.convert.draft import Draft, DraftStep, literal, unique_name
from partita.flow.yaml.convert.github_expressions import Translation

__all__ = ["from_github"]

_KINDS = {"string": "text", "boolean": "bool", "number": "float", "environment": "text", "choice": "text"}
_READ = frozenset({
    "name", "id", "run", "env", "if", "working-directory", "timeout-minutes", "shell", "uses", "with", "continue-on-error",
})  # fmt: skip
_MOST_COMBINATIONS = 256


def from_github(workflow: dict[str, Any], stem: str) -> Draft:
    """The flow.

    Args:
        workflow: the file, with `on` as a text and not as a boolean.
        stem: the file's name, for a workflow without one.
    """
    draft = Draft(
        header=["Made from a workflow of GitHub Actions by `partita convert`: a beginning. Each step of a job became"]
    )
    draft.header.append("a step; look at every line that begins with `# !`.")
    draft.entries["name"] = re.sub(r"[^\w-]+", "_", str(workflow.get("name") or stem)).strip("_") or stem
    inputs = _inputs(_mapping(workflow.get("on")), draft)
    if inputs:
        draft.entries["inputs"] = inputs
    for key in workflow:
        if key not in ("name", "on", "jobs", "env", "run-name"):
            draft.notes.append(f"`{key}` of the workflow is left out")
    jobs = _mapping(workflow.get("jobs"))
    taken: set[str] = set()
    ends: dict[str, list[str]] = {}
    for name in _in_order(jobs):
        job = _Job(name, _mapping(jobs[name]), _mapping(workflow.get("env")), set(inputs), taken, ends)
        draft.steps += job.steps()
        draft.notes += job.left_out
        ends[name] = job.last
    return draft


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _in_order(jobs: dict[str, Any]) -> list[str]:
    """The jobs, each behind those that it needs."""
    found: list[str] = []
    waiting = list(jobs)
    while waiting:
        ready = [name for name in waiting if set(_listed(_mapping(jobs[name]).get("needs"))) & set(waiting) <= {name}]
        found += ready or waiting
        waiting = [name for name in waiting if name not in found]
    return found


def _inputs(on: dict[str, Any], draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in ("workflow_dispatch", "workflow_call"):
        for name, told in _mapping(_mapping(on.get(event)).get("inputs")).items():
            entry: dict[str, Any] = {"type": _KINDS.get(_mapping(told).get("type", "string"), "text")}
            entry |= {key: told[key] for key in ("default", "description") if key in _mapping(told)}
            if "options" in _mapping(told):
                entry["choices"] = told["options"]
            found[re.sub(r"\W", "_", name)] = entry
    for event in on:
        if event not in ("workflow_dispatch", "workflow_call"):
            draft.notes.append(f"what starts it (`{event}`) is not part of a flow")
    return found


class _Job:
    def __init__(
        self,
        name: str,
        job: dict[str, Any],
        variables: dict[str, Any],
        inputs: set[str],
        taken: set[str],
        ends: dict[str, list[str]],
    ) -> None:
        self.name = name
        self.job = job
        self.variables = {**variables, **_mapping(job.get("env"))}
        self.inputs = inputs
        self.taken = taken
        self.last = [end for need in _listed(job.get("needs")) for end in ends.get(need, [])]
        self.left_out: list[str] = []
        self.items = self._combinations()
        for key in ("services", "container", "outputs", "uses", "concurrency", "environment"):
            if key in job:
                self.left_out.append(f"`{key}` of the job {name} is left out")

    def steps(self) -> list[DraftStep]:
        found: list[DraftStep] = []
        for number, step in enumerate(_listed(self.job.get("steps")), 1):
            made = self._step(_mapping(step), number)
            if made is not None:
                found.append(made)
                self.last = [made.name]
        return found

    def _combinations(self) -> list[dict[str, Any]]:
        strategy = _mapping(self.job.get("strategy"))
        matrix = _mapping(strategy.get("matrix"))
        if not matrix:
            if strategy.get("matrix"):
                self.left_out.append(f"the matrix of {self.name} is computed, and is left out: write `foreach:`")
            return []
        axes = {key: _listed(value) for key, value in matrix.items() if key not in ("include", "exclude")}
        found = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
        excluded = [_mapping(item) for item in _listed(matrix.get("exclude"))]
        found = [one for one in found if not any(item.items() <= one.items() for item in excluded)]
        for item in map(_mapping, _listed(matrix.get("include"))):
            same = [one for one in found if all(one.get(key) == item[key] for key in item if key in axes)]
            if same and any(key in axes for key in item):
                for one in same:
                    one.update(item)
            else:
                found.append(dict(item))
        return found[:_MOST_COMBINATIONS]

    def _step(self, step: dict[str, Any], number: int) -> DraftStep | None:
        told = str(step.get("id") or step.get("name") or number)
        if "run" not in step:
            self._leave_out(step, told)
            return None
        notes: list[str] = []
        translation = Translation(self.inputs, self.variables | _mapping(step.get("env")), bool(self.items), notes)
        text = str(step["run"]).rstrip()
        if "GITHUB_" in text:
            notes.append(
                "it writes to files of GitHub (`$GITHUB_OUTPUT` and the like): print the value, and use `output.stdout`"
            )
        entries: dict[str, Any] = {"run": translation.command(f"set -e\n{text}" if "\n" in text else text)}
        if step.get("shell") not in (None, "bash", "sh"):
            notes.append(f"it ran in {step['shell']}; here a command runs in sh")
        if "working-directory" in step:
            entries["folder"] = literal(str(step["working-directory"]))
        if self.last:
            entries["needs"] = list(self.last)
        conditions = [str(found) for found in (self.job.get("if"), step.get("if")) if found is not None]
        condition = translation.condition(conditions)
        if condition is not None:
            entries["when"] = condition
        if self.items:
            entries["foreach"] = [{re.sub(r"\W", "_", key): value for key, value in one.items()} for one in self.items]
            if number > 1:
                notes.append("it waits for all elements of the step before, where the matrix ran each by itself")
        minutes = step.get("timeout-minutes", self.job.get("timeout-minutes"))
        if isinstance(minutes, (int, float)):
            entries["timeout"] = f"{minutes}m"
        if step.get("continue-on-error"):
            notes.append("it may fail there: look at `steps.NAME.outcome` in what follows")
        entries |= translation.environment()
        notes += [f"`{key}` is left out" for key in step if key not in _READ]
        return DraftStep(unique_name(f"{self.name}-{told}", self.taken), entries, list(dict.fromkeys(notes)))

    def _leave_out(self, step: dict[str, Any], told: str) -> None:
        action = str(step.get("uses", ""))
        if action.startswith(("actions/checkout", "actions/cache", "actions/setup-")):
            self.left_out.append(
                f"{self.name}: `{action}` is not needed: the project's code and its environment are there"
            )
        elif action:
            self.left_out.append(
                f"{self.name}: the action `{action}` ({told}) is left out: write a task or a command for it"
            )
