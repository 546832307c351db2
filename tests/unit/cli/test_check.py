from __future__ import annotations

import json

from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace


def test_check_tells_warnings_and_counts(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("check", "news", "--n", "3")
    assert told.status == 0
    assert "warning: flows.py:8: cannot decide" in told.err
    assert told.out == "flows.py:news: no errors, 1 warning; 36 steps known before it runs\n"
    assert workspace.asked == [("check", "flows.py:news", {"n": "3"}, "")]


def test_check_refuses_with_errors_first(partita: Partita) -> None:
    told = partita("check", "news", "bad=1")
    assert told.status == 2
    assert told.err.startswith("error: flows.py:9: fit takes int, load gives str\n    convert it\n")
    assert told.out == "flows.py:news: 1 error, 1 warning\n"


def test_check_as_json(partita: Partita) -> None:
    document = json.loads(partita("check", "news", "bad=1", "--json").out)
    assert document["exit_status"] == 2
    assert [problem["is_warning"] for problem in document["problems"]] == [True, False]
    assert document["graph"] is None
