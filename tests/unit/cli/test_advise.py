"""`partita advise`."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace


def test_each_proposal_is_told_with_what_it_rests_on(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("advise")
    assert told.status == 0
    assert told.out.splitlines() == [
        "fit: cores  (flows.py:news)", "  asks for 4 cores; 5 attempts kept 1.1 cores busy, 1.2 at most",
        "  ask for 2: others find room beside it", "fit: split  (flows.py:news)", "  fit takes 80 % of it", "  split it",
    ]  # fmt: skip
    assert (
        told.err == "By 5 attempts of 2 runs.\n`partita advise --apply` writes what the settings can say into them.\n"
    )
    assert workspace.asked == [("advise", "", False)]


def test_what_was_written_is_told(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("advise", "news", "--apply")
    assert workspace.asked == [("advise", "flows.py:news", True)]
    assert "Wrote partita.toml; 1 to be changed in the code." in told.err


def test_advice_as_json_is_the_report(partita: Partita) -> None:
    document = json.loads(partita("advise", "--json").out)
    assert [advice["kind"] for advice in document["advice"]] == ["cpu", "split"]


def test_nothing_to_propose(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.known_advice = []
    told = partita("advise")
    assert (told.status, told.out, told.err) == (0, "", "Nothing to propose by 5 attempts of 2 runs.\n")
