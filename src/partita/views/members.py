"""Which members of a composed model are registered models: those that it came from and that consist of the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from partita.errors import NotFoundError
from partita.protocol.artifacts import LineageView
from partita.protocol.models import VersionView
from partita.workspace.local import LocalWorkspace

__all__ = ["version_of", "versions_behind"]

#: So many runs and versions are looked at: each is asked for by itself.
_RUNS, _VERSIONS = 8, 24
_VERSION = re.compile(r"[\w.-]+:\d+")


def versions_behind(workspace: LocalWorkspace, view: VersionView, lineage: LineageView | None) -> list[VersionView]:
    """The other registered versions that a version came from: those that its steps registered, or were given by name."""
    if lineage is None:
        return []
    steps: dict[str, set[int]] = {}
    for node in lineage["nodes"]:
        steps.setdefault(node["run"], set()).add(node["step"])
    names = {str(how): None for _, _, how in lineage["edges"] if _VERSION.fullmatch(str(how))}
    for run in list(steps)[:_RUNS]:
        made, used = workspace.ask("model_made", run=run), workspace.ask("model_uses", run=run)
        names |= {f"{name}:{number}": None for step, name, number in made if step in steps[run]}
        names |= {f"{name}:{number}": None for _, step, name, number, _ in used if step in steps[run]}
    names.pop(view["name"], None)
    found = []
    for name in list(names)[:_VERSIONS]:
        try:
            found.append(workspace.model_version(name)[0])
        except NotFoundError:
            continue  # forgotten since
    return found


def version_of(member: Mapping[str, Any], versions: Sequence[VersionView]) -> VersionView | None:
    """The one version that consists of the same as the member; None: none does, or several do."""
    if not member.get("parameters") and not member.get("members"):
        return None  # of which nothing is known that could be the same
    fitting = [view for view in versions if _is_same(member, view)]
    return fitting[0] if len(fitting) == 1 else None


def _is_same(member: Mapping[str, Any], view: VersionView) -> bool:
    record = view["record"]
    is_called_so = bool(member.get("members")) or view["title"].partition(" of ")[0] == member.get("title")
    return (
        is_called_so
        and (record.get("parameters") or {}) == (member.get("parameters") or {})
        and (record.get("members") or []) == (member.get("members") or [])
    )
