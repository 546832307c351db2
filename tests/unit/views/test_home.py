"""What is worth knowing first."""

from __future__ import annotations

import time

from partita.protocol.requests import is_refused
from partita.views.home import home_of
from partita.web.formats import Formats
from partita.web.texts import Texts
from partita.workspace.local import LocalWorkspace


def test_what_was_refused_before_it_began_has_not_broken(looked_at: LocalWorkspace) -> None:
    refused = looked_at.launch("flows.py:many", texts={"n": "four"})
    failed = looked_at.launch("flows.py:fails")
    for id in (refused, failed):
        looked_at.wait(id, 30)
    run = looked_at.run(refused)
    assert run["state"] == "failed" and is_refused(run)
    found = {each["id"] for each in home_of(looked_at, time.time())["failed"]}
    assert failed in found and refused not in found
    told = str(Formats(Texts("en"), 0.0).run_state(run))
    assert "refused" in told and "is-skipped" in told and "failed" not in told
