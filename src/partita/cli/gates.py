"""Waiting for gates, and gates that are given on the command line."""

from __future__ import annotations

from partita.cli import statuses
from partita.cli.session import Session
from partita.errors import SettingsError
from partita.settings import GateSettings, read_gates

__all__ = ["follow_gates", "gates_from_options"]


def gates_from_options(
    tests: list[str], sample: list[str], within: str, floors: list[str], approvals: int
) -> GateSettings | None:
    """The gates that options ask for; None: they ask for none, and the setting counts.

    Raises:
        SettingsError: an option cannot be understood.
    """
    table: dict[str, object] = {}
    if tests:
        table["tests"] = tests
    if sample or within:
        pairs = [text.partition("=") for text in sample]
        if wrong := next((text for text, pair in zip(sample, pairs, strict=True) if not pair[1]), ""):
            raise SettingsError(f"--sample {wrong}: write an input as NAME=VALUE")
        table["sample"] = {name: value for name, _, value in pairs}
    if within:
        table["within"] = within
    if floors:
        table["floors"] = floors
    if approvals:
        table["approvals"] = approvals
    return read_gates(table) if table else None


def follow_gates(session: Session, version: str, stage: str, run: str) -> int:
    """Wait for the run that checks gates, to its end or to where persons have to approve, and tell what was found."""
    from partita.cli.flow_tables import tell_gates

    if not session.output.is_json:
        session.output.note(f"The gates of {version} are checked by run {run}.")
    waits = _until_said(session, run)
    view = session.workspace.run(run)
    state = session.workspace.gates(version, stage)
    if session.output.is_json:
        session.output.document(state)
    else:
        tell_gates(session.output, state)
        if waits:
            session.output.note(f"It waits for an approval: `partita approve {run}`, or `partita reject {run}`.")
    return statuses.SUCCESS if waits else statuses.of_run(view)


def _until_said(session: Session, run: str) -> bool:
    """Whether it waits for persons; else it has ended."""
    version = 0
    while True:
        news = session.workspace.watch(run, version, timeout_s=2.0)
        version = news["version"]
        if news["is_final"]:
            return False
        if any(wait["kind"] == "approval" and not wait["outcome"] for wait in session.workspace.waits(run)):
            return True
