"""What is known of a component: plain data that can be shown and sent."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Broken", "Component", "ComponentParameter"]


@dataclass(frozen=True, slots=True)
class ComponentParameter:
    """One parameter of a component."""

    name: str
    type: str  # as it is written; empty: not said
    default: str | None  # as it is written; None: it is required
    description: str
    is_keyword_only: bool = False
    is_bound: bool = False  # by partial: the default is what was given


@dataclass(frozen=True, slots=True)
class Component:
    """A task, a flow or a class of tasks that can be used in flows."""

    package: str  # distribution that brings it; empty: it lies in the project
    version: str  # of the distribution, or the option `version` of one in the project
    local_name: str
    kind: str  # "task", "flow" or "class"
    summary: str
    description: str  # the rest of the docstring, without its sections
    parameters: tuple[ComponentParameter, ...]
    returns: str  # type of the result, as it is written
    returns_description: str
    options: dict[str, str]  # as they are written
    tags: tuple[str, ...]
    reference: str  # "module:name" or "folder/file.py:name", for YAML and the command line
    place: str  # "file.py:12" of the definition
    file: str  # that file's whole path
    missing: tuple[str, ...] = field(default=())  # modules that it imports and that are not installed

    @property
    def name(self) -> str:
        """ "package/name"; those of the project are "project/name"."""
        return f"{self.package or 'project'}/{self.local_name}"

    @property
    def import_line(self) -> str:
        """How Python code gets it."""
        module, _, name = self.reference.partition(":")
        if module.endswith((".yaml", ".yml")):
            return f'from partita import load_flow; {name} = load_flow("{module}")'
        if module.endswith(".py"):
            module = module.removesuffix(".py").removeprefix("src/").replace("/", ".")
        return f"from {module} import {name}"

    @property
    def example(self) -> str:
        """A call with what is required."""
        required = [item for item in self.parameters if item.default is None and not item.name.startswith("*")]
        if self.kind == "class":
            return f"{self.local_name}({_given([item for item in required if item.is_keyword_only])}).task()"
        return f"{self.local_name}({_given(required)})"


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry of a package that names no component."""

    package: str
    entry: str  # as the package wrote it
    reason: str


def _given(parameters: list[ComponentParameter]) -> str:
    return ", ".join(f"{item.name}=..." for item in parameters)
