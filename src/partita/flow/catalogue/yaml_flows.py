"""Flows that are written as YAML files: their inputs are parameters. Their tasks are not looked at."""

from __future__ import annotations

from pathlib import Path

from partita.errors import PartitaError
from partita.flow.catalogue.modules import UnreadableError
from partita.flow.catalogue.records import Component, ComponentParameter
from partita.flow.yaml.problems import Problems
from partita.flow.yaml.reading import read_document
from partita.flow.yaml.records import Document, Input
from partita.flow.yaml.source import Node, read_source

__all__ = ["read_yaml_flow"]


def read_yaml_flow(file: Path, reference: str) -> Component:
    """The flow in the file.

    Raises:
        UnreadableError: it is no flow, or something is wrong in it.
    """
    problems = Problems(file.name)
    try:
        root = read_source(file.read_text(encoding="utf-8"), problems)
        document = read_document(root, file.stem, problems) if root is not None else None
    except (PartitaError, OSError, ValueError) as error:
        raise UnreadableError(f"{file.name}: {error}") from error
    if document is None or problems:
        found = [str(problem).partition("\n")[0] for problem in problems.all]
        raise UnreadableError(found[0] if found else f"{file.name} holds no flow")
    return _component(document, file, reference)


def _component(document: Document, file: Path, reference: str) -> Component:
    options = {name: _text(node) for name, node in document.options.items() if name not in ("tags", "description")}
    tags = document.options["tags"].plain() if "tags" in document.options else []
    summary, _, description = document.description.strip().partition("\n")
    return Component(
        package="",
        version=options.get("version", ""),
        local_name=file.stem,
        kind="flow",
        summary=summary,
        description=description.strip(),
        parameters=tuple(_parameter(given) for given in document.inputs.values()),
        returns="",
        returns_description="",
        options=options,
        tags=tuple(str(tag) for tag in tags),
        reference=reference,
        place=f"{file.name}:1",
        file=str(file.resolve()),
    )


def _parameter(given: Input) -> ComponentParameter:
    kind = "" if given.kind is None else _text(given.kind)
    if given.choices is not None:
        kind = " | ".join(repr(choice) for choice in given.choices.plain())
    default = None if given.default is None else repr(given.default.plain())
    return ComponentParameter(given.name, kind, default, given.description, True)


def _text(node: Node) -> str:
    return str(node.plain())
