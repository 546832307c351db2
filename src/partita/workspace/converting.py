"""YAML flows made of what exists, and their schema: what `partita convert` and `partita schema` give."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from partita.core.records import Profile
from partita.errors import CheckError, LoadError, NotFoundError, Problem
from partita.executors.port import LOST
from partita.protocol.messages import DONE, FAILED
from partita.protocol.requests import ErrorView, as_problem
from partita.values import PLAIN, pack, unpack
from partita.workspace.port import ConvertView

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["convert_file", "convert_flow", "flow_schema_text"]

_WORK = "partita.flow.yaml.convert.graph:flow_as_yaml"


def flow_schema_text() -> str:
    """The JSON Schema of YAML flows, as it is published."""
    from partita.flow.yaml.schema import flow_schema

    return json.dumps(flow_schema(), indent=2, ensure_ascii=False) + "\n"


def convert_flow(workspace: LocalWorkspace, flow: str, texts: dict[str, str]) -> ConvertView:
    """The graph of a Python flow as YAML; it is laid out in a worker, and nothing of it is run."""
    from partita.workspace.checking import working
    from partita.workspace.runs import encoder_of

    limit = workspace.settings.layout_timeout_s
    profile = Profile(_WORK, "convert", timeout_s=limit)
    arguments = pack([[[PLAIN, flow], [PLAIN, texts]], [], []])
    with working(workspace, profile, arguments, None) as executor:
        until = time.monotonic() + limit
        while time.monotonic() < until:
            for message in executor.receive(0.25):
                if message[0] == DONE:
                    text, notes = encoder_of(workspace).decode(unpack(message[2]))
                    return ConvertView(text=text, notes=list(notes))
                if message[0] == FAILED:
                    raise _refused(message[2])
                if message[0] == LOST:
                    raise LoadError(f"the layout of {flow} ended its worker: {message[3]}")
    raise LoadError(f"the layout of {flow} took longer than {limit:g} s; raise layout_timeout")


def _refused(error: ErrorView) -> CheckError:
    problems = error.get("problems") or [as_problem(error)]
    return CheckError([Problem(**problem) for problem in problems])


def convert_file(file: Path, dag: str = "") -> ConvertView:
    """A workflow of GitHub Actions, or a DAG of Airflow that is written as YAML, as the beginning of a flow.

    Args:
        dag: which one, where the file has several.

    Raises:
        CheckError: the file cannot be read.
        NotFoundError: it is neither, or there is no such DAG.
    """
    from partita.flow.yaml.convert import from_airflow, from_github
    from partita.flow.yaml.convert.airflow import dags_in
    from partita.flow.yaml.problems import Problems
    from partita.flow.yaml.source import read_source

    problems = Problems(file.name)
    root = read_source(file.read_text(encoding="utf-8"), problems)
    problems.raise_if_any()
    document = root.plain() if root is not None else None
    if isinstance(document, dict) and isinstance(document.get("jobs"), dict):
        draft = from_github(document, file.stem)
        return ConvertView(text=draft.text(), notes=draft.all_notes())
    dags = dags_in(document) if isinstance(document, dict) else {}
    if not dags:
        raise NotFoundError(
            f"{file.name} is neither a workflow of GitHub Actions (`jobs:`) nor a DAG of Airflow (`tasks:`)"
        )
    if dag not in dags and (dag or len(dags) > 1):
        told = f"has no DAG {dag!r}" if dag else f"has {len(dags)} DAGs"
        raise NotFoundError(f"{file.name} {told}; name one: --dag {' or --dag '.join(dags)}")
    assert isinstance(document, dict)
    draft = from_airflow(document, dag or next(iter(dags)))
    return ConvertView(text=draft.text(), notes=draft.all_notes())
