"""Workflows of GitHub Actions as the beginning of a flow."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from partita import load_flow
from partita.errors import NotFoundError
from partita.flow.yaml.problems import Problems
from partita.flow.yaml.source import read_source
from partita.testing import memory_workspace
from partita.workspace.converting import convert_file

WORKFLOW = """
name: Build & test
on:
  push: {branches: [main]}
  workflow_dispatch:
    inputs:
      level: {type: choice, options: [low, high], default: low}
      dry-run: {type: boolean, default: false}
env: {MODE: fast}
jobs:
  test:
    runs-on: ubuntu-latest
    needs: lint
    if: inputs.level == 'high'
    strategy:
      matrix:
        python: ["3.11", "3.12"]
        os: [linux, mac]
        exclude: [{python: "3.11", os: mac}]
    steps:
      - uses: actions/checkout@v4
      - name: Run tests
        run: |
          false || true
          echo ${{ matrix.python }} on ${{ matrix.os }} $MODE ${{ inputs.level }}
        timeout-minutes: 5
  lint:
    runs-on: ubuntu-latest
    steps:
      - id: style
        run: echo "style '{}'" ${{ env.MODE }}
        env: {A: 1}
      - uses: someone/deploy@v1
      - name: odd
        run: echo ${{ github.sha }} ${{ secrets.TOKEN }}
        if: ${{ github.ref == 'main' }}
        shell: pwsh
        continue-on-error: true
"""


def converted(folder: Path, text: str) -> tuple[dict[str, Any], list[str]]:
    (folder / "ci.yml").write_text(dedent(text), encoding="utf-8")
    found = convert_file(folder / "ci.yml")
    problems = Problems("flow.yaml")
    root = read_source(found["text"], problems)
    assert root is not None and not problems
    return root.plain(), found["notes"]


def test_what_is_clear_becomes_steps(tmp_path: Path) -> None:
    flow, _ = converted(tmp_path, WORKFLOW)
    assert flow["name"] == "Build_test"
    assert flow["inputs"] == {
        "level": {"type": "text", "default": "low", "choices": ["low", "high"]},
        "dry_run": {"type": "bool", "default": False},
    }
    assert list(flow["steps"]) == ["lint-style", "lint-odd", "test-Run-tests"]
    assert flow["steps"]["lint-style"] == {
        "run": 'echo "style \'{}\'" ${{ "fast" }}',
        "environment_variables": {"MODE": "fast", "A": "1"},
    }
    test = flow["steps"]["test-Run-tests"]
    assert test["needs"] == ["lint-odd"]
    assert test["when"] == '${{ inputs.level == "high" }}'
    assert test["timeout"] == "5m"
    assert test["foreach"] == [
        {"python": "3.11", "os": "linux"},
        {"python": "3.12", "os": "linux"},
        {"python": "3.12", "os": "mac"},
    ]
    assert test["run"].startswith("set -e\nfalse || true\necho ${{ item.python }} on ${{ item.os }}")


def test_what_is_not_clear_is_noted(tmp_path: Path) -> None:
    flow, notes = converted(tmp_path, WORKFLOW)
    assert flow["steps"]["lint-odd"]["run"] == 'echo $${{ github.sha }} "$TOKEN"'
    assert flow["steps"]["lint-odd"]["secrets"] == ["TOKEN"]
    for told in (
        "`push`",
        "the action `someone/deploy@v1`",
        "`actions/checkout@v4` is not needed",
        "lint-odd: `github.sha` is not known here",
        "lint-odd: its condition `${{ github.ref == 'main' }}` is left out",
        "lint-odd: it ran in pwsh",
        "lint-odd: it may fail there",
    ):
        assert any(told in note for note in notes), told


def test_what_was_written_runs(tmp_path: Path) -> None:
    text = WORKFLOW.replace("      - name: odd", "      - name: fine").replace(
        "${{ github.sha }} ${{ secrets.TOKEN }}", "hi"
    )
    text = text.replace("        if: ${{ github.ref == 'main' }}\n", "")
    (tmp_path / "ci.yml").write_text(text, encoding="utf-8")
    (tmp_path / "flow.yaml").write_text(convert_file(tmp_path / "ci.yml")["text"], encoding="utf-8")
    flow = load_flow(tmp_path / "flow.yaml")
    with memory_workspace():
        run = flow.run(level="high")
        assert run.wait().state == "succeeded"
        assert sum(step["path"].startswith("test-Run-tests") and step["kind"] == "task" for step in run.steps) == 3


@pytest.mark.parametrize(
    "text",
    ["a: 1", "[]", "jobs: 3", "steps: {a: {run: ls}}"],
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(NotFoundError, match="is neither a workflow of GitHub Actions"):
        convert_file(tmp_path / "x.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "jobs: {a: }",
        "jobs: {a: {steps: [1, {run: }, {run: [x]}]}}",
        "jobs: {a: {needs: b, steps: [{run: ls}]}, b: {needs: a, steps: [{run: ls}]}}",
        "jobs: {a: {strategy: {matrix: '${{ fromJSON(x) }}'}, steps: [{run: 'echo ${{ matrix.x }}'}]}}",
        "on: push\njobs: {a: {steps: [{run: \"echo '${{ 'a' }}' ${{ x(\"}]}}",
        "env: 3\njobs: {a: {env: [1], if: [2], steps: [{run: ls, if: 3, env: x}]}}",
    ],
)
def test_odd_workflows_are_read_as_far_as_they_go(tmp_path: Path, text: str) -> None:
    flow, _ = converted(tmp_path, text)
    assert "steps" in flow
