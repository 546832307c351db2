"""The components that can be used here: those of installed packages and of the project itself."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from partita.flow.catalogue import Broken, Component, components_of, installed_components, search_components
from partita.flow.catalogue.modules import Library, SourceModule, UnreadableError
from partita.flow.catalogue.searching import near_names
from partita.flow.catalogue.yaml_flows import read_yaml_flow
from partita.workspace.discovery import find_flows, python_files
from partita.workspace.port import CatalogueView

__all__ = ["find_components"]


def find_components(project: Path, words: str = "", name: str = "") -> CatalogueView:
    """See `Workspace.components`."""
    library = Library([project, project / "src"])
    everything, broken = installed_components(library)
    known = {(component.file, component.place) for component in everything}
    own, unreadable = _of_project(project, library)
    # A project that is installed from its folder is a package too.
    everything += [component for component in own if (component.file, component.place) not in known]
    found = everything
    if name:
        found = [item for item in everything if name in (item.name, item.reference)]
        found = found or [item for item in everything if name == item.local_name]
    elif words:
        found = search_components(everything, words)
    near = near_names(everything, name or words) if not found else []
    return CatalogueView(
        components=[_view(item) for item in found], broken=[asdict(item) for item in (*broken, *unreadable)], near=near
    )


def _of_project(project: Path, library: Library) -> tuple[list[Component], list[Broken]]:
    found: list[Component] = []
    broken: list[Broken] = []
    for file in python_files(project):
        if b"partita" not in file.read_bytes():
            continue
        relative = file.relative_to(project)
        try:
            module = SourceModule(_dotted(relative), file)
            # What is only imported is listed where it stands.
            own = [item for item in components_of(module, library) if not module.imported(item.local_name)]
        except (UnreadableError, RecursionError) as error:
            broken.append(Broken("project", relative.as_posix(), str(error)))
            continue
        found += [replace(item, reference=f"{relative.as_posix()}:{item.local_name}") for item in own]
    for flow in find_flows(project):
        place = flow.rpartition(":")[0]
        if not place.endswith(".py"):
            try:
                found.append(read_yaml_flow(project / place, flow))
            except UnreadableError as error:
                broken.append(Broken("project", place, str(error)))
    return sorted(found, key=lambda item: item.name), broken


def _dotted(relative: Path) -> str:
    parts = [*relative.parent.parts, *([] if relative.name == "__init__.py" else [relative.stem])]
    return ".".join(parts[1:] if parts[:1] == ["src"] else parts)


def _view(component: Component) -> dict[str, Any]:
    return {
        "name": component.name, **asdict(component), "import_line": component.import_line, "example": component.example,
    }  # fmt: skip
