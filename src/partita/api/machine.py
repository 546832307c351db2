"""Routes of executors, the engine and the settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path

from partita.api.asking import Asked
from partita.api.parameters import WITHOUT_NUL
from partita.api.routes import API, Routes
from partita.protocol.requests import EngineView, ExecutorView, ProbeView
from partita.workspace.settings_shown import SettingView

__all__ = ["routes"]

routes = Routes(prefix=API, tags=["machine"])


@routes.reads("/executors", needs="executors:read", gives=list[ExecutorView])
def executors(asked: Asked) -> Any:
    """The executors that the settings name."""
    return asked.workspace.executors()


@routes.changes("/executors/{name}/probe", needs="executors:probe", gives=ProbeView)
def probe(asked: Asked, name: Annotated[str, Path(max_length=200, pattern=WITHOUT_NUL)]) -> Any:
    """Send a step through an executor and tell how it went."""
    with asked.heavy():
        found = asked.workspace.probe_executor(name)
    asked.note("executor.probe", name, is_ok=found["is_ok"])
    return found


@routes.reads("/engine", needs="engine:read", gives=EngineView | None)
def engine(asked: Asked) -> Any:
    """The engine's own account; null: none is up."""
    return asked.workspace.engine()


@routes.changes("/engine/stop", needs="engine:stop", status=204)
def stop_engine(asked: Asked) -> None:
    """End the engine; runs go on when it is needed again."""
    asked.note("engine.stop")
    asked.workspace.stop_engine()


@routes.reads("/settings", needs="settings:read", gives=list[SettingView])
def settings(asked: Asked) -> Any:
    """Every setting with its value, where that comes from, and what it means. Passwords in addresses are not told."""
    return asked.workspace.shown_settings()
