"""Published flows on the command line: which flow a word means, and what a version changes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import pytest

from partita.cli.flow_diff import tell_diff
from partita.cli.naming import find_any_flow
from partita.cli.output import Output
from partita.errors import NotFoundError
from partita.protocol.publications import FlowDiffView, checked_stage, parse_publication
from tests.unit.cli.fake import FakeWorkspace


def test_flows_of_the_files_come_first_and_versions_are_published(tmp_path: Path) -> None:
    workspace: Any = FakeWorkspace(tmp_path)
    for word, found in (
        ("news", ("flows.py:news", False)), ("news@3", ("news@3", True)), ("news@prod", ("news@prod", True)),
        ("far", ("far", True)), ("far@latest", ("far@latest", True)),
    ):  # fmt: skip
        assert find_any_flow(workspace, word) == found
    with pytest.raises(NotFoundError, match="there is no flow 'newz'"):
        find_any_flow(workspace, "newz")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a", ("a", 0, "")), ("a@", ("a", 0, "")), ("a@3", ("a", 3, "")), ("a.b-c@prod", ("a.b-c", 0, "prod")),
        ("é@latest", ("é", 0, "latest")),
    ],
)  # fmt: skip
def test_names_of_versions(text: str, found: tuple[str, int, str]) -> None:
    assert parse_publication(text) == found and parse_publication(str(parse_publication(text))) == found


@pytest.mark.parametrize(
    "text", ["", "@3", "a@0", "a@99999999999", "../a@1", "a b", "a@b c", "a@../x", "a@b@c", "-a", "x" * 101]
)
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(NotFoundError):
        parse_publication(text)


def test_stages_are_those_of_the_settings() -> None:
    assert checked_stage("dev", ("dev", "prod")) == "dev"
    for stage in ("live", "3", "latest", "", "a/b"):
        with pytest.raises(NotFoundError):
            checked_stage(stage, ("dev", "prod"))


def told(**changes: Any) -> str:
    found = {
        "name": "a", "before": "a@1", "after": "a@2", "is_same": False, "flow": [], "parameters": [], "returns": [],
        "has_graphs": True, "steps": [], "edges_added": [], "edges_removed": [], "functions": [], "files": [],
        "is_breaking": False, **changes,
    }  # fmt: skip
    out = io.StringIO()
    output = Output(out=out, err=out)
    tell_diff(output, cast("FlowDiffView", found))
    output.flush()
    return out.getvalue()


def test_what_a_version_changes_is_told() -> None:
    assert "nothing differs" in told(is_same=True)
    step = {
        "path": "b",
        "change": "renamed",
        "was": "a",
        "function": "f:a",
        "options": {"retries": [None, 3]},
        "inputs": [],
    }
    text = told(
        steps=[step], is_breaking=True, parameters=[{"name": "x", "change": "removed", "is_breaking": True, "told": ["gone"]}],
        edges_removed=[["a", "c"]], files=[["a.sql", "added"]], returns=["int", "float"],
    )  # fmt: skip
    for line in (
        "~ b   it was a; retries default -> 3",
        "- x   gone",
        "- a -> c",
        "+ a.sql",
        "it gives float; it gave int",
    ):
        assert line in text
    assert "not any more" in text and "steps are known" in told(has_graphs=False)
