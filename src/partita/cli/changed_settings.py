"""What is said where settings were changed under an engine, which reads them once, when it begins."""

from __future__ import annotations

from partita.cli.session import Session
from partita.protocol.requests import EngineView

__all__ = ["note_changed_settings", "told_of_changes"]


def note_changed_settings(session: Session) -> None:
    """Say it, if the engine of this machine is up and has read other settings than those there are now."""
    if not session.server and (view := session.workspace.engine()) is not None and (told := told_of_changes(view)):
        session.output.note(f"{told}; after `partita engine stop` the next command starts one with what they say now.")


def told_of_changes(view: EngineView) -> str:
    """Which settings have changed, in words; empty: none."""
    changed = view.get("changed_settings")
    if not changed:
        return ""
    return f"The engine began before {', '.join(changed)} changed in the settings"
