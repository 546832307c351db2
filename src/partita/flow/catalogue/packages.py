"""Components of installed packages, which name them by entry points of the group `partita.components`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import metadata

from partita.flow.catalogue.modules import Library, SourceModule, UnreadableError
from partita.flow.catalogue.reading import components_of, read_component
from partita.flow.catalogue.records import Broken, Component

__all__ = ["GROUP", "installed_components"]

#: An entry point of this group names a module, whose public tasks and flows are components, or one of them.
GROUP = "partita.components"


def installed_components(
    library: Library | None = None, distributions: Iterable[metadata.Distribution] | None = None
) -> tuple[list[Component], list[Broken]]:
    """All components of installed packages, read from their source; nothing of them is imported.

    Args:
        library: where modules are found.
        distributions: the packages; default: those of this environment.
    """
    library = library or Library()
    found: dict[str, Component] = {}
    broken: list[Broken] = []
    seen: set[str] = set()
    for distribution in distributions if distributions is not None else metadata.distributions():
        name = distribution.name
        if not name or name.lower() in seen:
            continue  # hidden by one that stands before it on the path
        seen.add(name.lower())
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                _read(entry, name, distribution.version, library, found, broken)
    return sorted(found.values(), key=lambda item: item.name), broken


def _read(
    entry: metadata.EntryPoint,
    package: str,
    version: str,
    library: Library,
    found: dict[str, Component],
    broken: list[Broken],
) -> None:
    module_name, _, name = entry.value.partition(":")
    try:
        module = library.module(module_name.strip())
        components = _named(module, name.strip(), library) if name else list(components_of(module, library))
    except UnreadableError as error:
        broken.append(Broken(package, f"{entry.name} = {entry.value}", str(error)))
        return
    except (RecursionError, ValueError) as error:
        broken.append(Broken(package, f"{entry.name} = {entry.value}", f"its source cannot be read: {error}"))
        return
    for component in components:
        local = entry.name if name else component.local_name
        made = replace(component, package=package, version=version, local_name=local)
        found.setdefault(made.name, made)


def _named(module: SourceModule, name: str, library: Library) -> list[Component]:
    found = read_component(module, name, library)
    if found is None:
        there = "is neither a task nor a flow" if name in module.bindings else "does not exist"
        raise UnreadableError(f"{name!r} in the module {module.name} {there}, as far as its source shows")
    return [found]
