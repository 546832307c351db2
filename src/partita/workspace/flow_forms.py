"""The flows of a project with what they take, read from their source and not imported: what a form to start one is made from."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from partita.errors import NotFoundError
from partita.flow.catalogue.annotations import default_text, form_of_annotation
from partita.flow.catalogue.modules import Library, SourceModule, UnreadableError
from partita.flow.catalogue.reading import read_component
from partita.flow.catalogue.records import Component, ComponentParameter
from partita.flow.catalogue.yaml_flows import read_yaml_flow
from partita.protocol.forms import Form
from partita.workspace.discovery import find_flows
from partita.workspace.naming import name_in_file

__all__ = ["FlowForm", "FlowInput", "flow_form", "project_flows"]


class FlowInput(TypedDict):
    """A parameter of a flow."""

    name: str
    type: str  # as it is written; empty: not said
    form: Form  # a text where the type cannot be told
    is_required: bool
    default: str | None  # as it would be typed; None: it cannot be told, or there is none
    default_code: str  # as it is written
    description: str


class FlowForm(TypedDict):
    """A flow of the project's files."""

    reference: str  # "folder/file.py:name"
    name: str
    title: str  # by which its runs go
    summary: str
    description: str
    inputs: list[FlowInput]
    returns: str
    options: dict[str, str]
    tags: list[str]
    line: str  # "file.py:12"
    fault: str  # why it cannot be read; empty: it can


def project_flows(project: Path) -> list[FlowForm]:
    """All flows of a project, by file."""
    library = Library([project, project / "src"])
    modules: dict[str, SourceModule] = {}
    return [_form(project, reference, library, modules) for reference in find_flows(project)]


def flow_form(project: Path, reference: str) -> FlowForm:
    """One flow.

    Raises:
        NotFoundError: the project's files have none of this reference.
    """
    place = reference.rpartition(":")[0]
    folder = project.resolve()
    file = (folder / place).resolve()
    if not place or not file.is_relative_to(folder) or not file.is_file() or reference not in find_flows(project):
        raise NotFoundError(f"the project has no flow {reference!r}; `partita doctor` shows those that it has")
    return _form(project, reference, Library([project, project / "src"]), {})


def _form(project: Path, reference: str, library: Library, modules: dict[str, SourceModule]) -> FlowForm:
    place, _, name = reference.rpartition(":")
    file = project / place
    try:
        if file.suffix != ".py":
            return _told(project, read_yaml_flow(file, reference), reference, None, library)
        module = modules.get(place) or modules.setdefault(place, SourceModule(_dotted(place), file))
        found = read_component(module, name, library)
    except (UnreadableError, RecursionError) as error:
        return _unread(reference, name, str(error))
    if found is None:
        return _unread(reference, name, "")
    return _told(project, found, reference, module, library)


def _dotted(place: str) -> str:
    return place.removeprefix("src/").removesuffix(".py").replace("/", ".")


def _unread(reference: str, name: str, fault: str) -> FlowForm:
    return FlowForm(
        reference=reference, name=name, title=name, summary="", description="", inputs=[], returns="", options={}, tags=[],
        line="", fault=fault,
    )  # fmt: skip


def _told(project: Path, found: Component, reference: str, module: SourceModule | None, library: Library) -> FlowForm:
    inputs = [
        _input(item, module, library)
        for item in found.parameters
        if not item.name.startswith("*") and not item.is_bound
    ]
    given = found.options.get("name", "")
    title = name_in_file(project, reference) or (default_text(given) if given else "") or found.local_name
    return FlowForm(
        reference=reference, name=found.local_name or reference.rpartition(":")[2], title=title or "",
        summary=found.summary, description=found.description, inputs=inputs, returns=found.returns, options=found.options,
        tags=list(found.tags), line=found.place, fault="",
    )  # fmt: skip


def _input(item: ComponentParameter, module: SourceModule | None, library: Library) -> FlowInput:
    form = form_of_annotation(item.type, module, library) if module is not None else _yaml_form(item.type)
    default = default_text(item.default)
    return FlowInput(
        name=item.name, type=item.type, form=form or {"type": "text"}, is_required=item.default is None, default=default,
        default_code=item.default or "", description=item.description,
    )  # fmt: skip


def _yaml_form(kind: str) -> Form | None:
    names = {"str": "text", "text": "text", "string": "text", "int": "integer", "integer": "integer", "float": "number",
             "number": "number", "bool": "boolean", "boolean": "boolean", "date": "date", "datetime": "datetime"}  # fmt: skip
    if kind in names:
        return {"type": names[kind]}
    if kind.startswith("list"):
        return {"type": "list", "items": {"type": "any"}}
    if kind.startswith(("map", "dict")):
        return {"type": "map"}
    if " | " in kind or kind[:1] in "'\"":
        choices = [default_text(part.strip()) for part in kind.split(" | ")]
        return {"type": "choice", "choices": [choice for choice in choices if choice is not None]}
    return None
