"""The JSON Schema: that it is the published one, and that it admits what is read and refuses what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from partita.flow.options import TASK_OPTIONS
from partita.flow.yaml.problems import Problems
from partita.flow.yaml.schema import flow_schema
from partita.flow.yaml.source import read_source
from partita.workspace.converting import flow_schema_text

ROOT = Path(__file__).parents[4]
VALIDATOR = jsonschema.Draft202012Validator(flow_schema())


def read(text: str) -> Any:
    problems = Problems("flow.yaml")
    root = read_source(text, problems)
    assert root is not None and not problems, problems.all
    return root.plain()


def test_the_published_schema_is_up_to_date() -> None:
    """Otherwise: `partita schema > docs/schema/flow.json`."""
    published = (ROOT / "docs" / "schema" / "flow.json").read_text(encoding="utf-8")
    assert published == flow_schema_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(published))


def test_every_option_is_in_it() -> None:
    """A new option is read by itself, and stands in the schema by itself."""
    assert set(flow_schema()["$defs"]["step"]["properties"]) >= TASK_OPTIONS - {"name"}


@pytest.mark.parametrize("file", sorted((ROOT / "examples").rglob("flow.yaml")), ids=lambda file: file.parent.name)
def test_the_examples_are_valid(file: Path) -> None:
    VALIDATOR.validate(read(file.read_text(encoding="utf-8")))


def test_the_flow_in_the_documentation_is_valid() -> None:
    page = (ROOT / "docs" / "yaml.md").read_text(encoding="utf-8")
    flows = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "steps:" in block]
    assert flows
    for block in flows:
        VALIDATOR.validate(read(block))


@pytest.mark.parametrize(
    "text",
    [
        "steps: {a: {run: ls, timeout: 5m, retries: 2, slots: {db: 1}, tags: [x], memory: 1GiB, cpu: 0.5}}",
        "inputs: {a: int, b: 3, c: {type: text, default: x, choices: [x, y]}, d: [1]}\nsteps: {a: {run: [ls, 3]}}",
        "steps: {a: {task: 'm:f', with: {x: [1, {y: 2}]}, needs: b, when: '${{ true }}'}, b: {flow: x.yaml}}",
        "steps: {a: {task: 'm:f', foreach: {items: [1], key: '${{ item }}', settle: true}}}\noutputs: {x: 1}",
        "steps: {a: {container: {image: x, command: [wc, 3], inputs: {t: file, n: 3}, outputs: {l: int}}, with: {t: 1}}}",
        "steps: {a: {approval: {question: x, on_timeout: approve, on_reject: '${{ inputs.x }}', timeout: 5m}}}",
        "retries: 3\nexecutor: process\nsteps: {a: {run: ls, cache: true, cache_key: 'm:f', retry_on: [OSError]}}",
    ],
)
def test_what_is_read_is_valid(text: str) -> None:
    VALIDATOR.validate(read(text))


@pytest.mark.parametrize(
    "text",
    [
        "step: {a: {run: ls}}",
        "steps: {a: {run: ls, retrys: 2}}",
        "steps: {a: {run: ls, task: 'm:f'}}",
        "steps: {a: {}}",
        "steps: {a b: {run: ls}}",
        "steps: {a: {container: {command: ls}}}",
        "steps: {a: {run: ls, when: maybe}}",
        "steps: {a: {task: 'm:f', folder: x}}",
        "steps: {a: {run: ls, foreach: {item: [1]}}}",
        "steps: {a: {run: ls, retries: two}}",
        "gpu: 1\nsteps: {a: {run: ls}}",
        "steps: {a: {run: ls, retries: -1}}",
        "steps: {a: {run: ls, jitter: 3}}",
        "steps: {a: {run: ls, backoff: 0.5}}",
        "steps: {a: {run: ls, cpu: -1}}",
        "steps: {a: {approval: {question: x, on_timeout: perhaps}}}",
        "steps: {a: {ask: {question: x, on_timeout: approve}}}",
        "inputs: {a: {typ: int}}\nsteps: {a: {run: ls}}",
        "[]",
    ],
)
def test_what_is_refused_is_not_valid(text: str) -> None:
    assert not VALIDATOR.is_valid(read(text))
