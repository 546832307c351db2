"""Who runs containers here: asked of whoever has said so, since defining a task needs none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from partita.errors import LoadError

if TYPE_CHECKING:
    from partita.flow.containers.declaration import ContainerDeclaration

__all__ = ["ContainerRunner", "container_runner", "set_container_runner"]

#: Runs a container with these arguments; gives what it wrote by the outputs' names, which come with their types.
ContainerRunner = Callable[["ContainerDeclaration", Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]

_provider: Callable[[], ContainerRunner] | None = None


def set_container_runner(provider: Callable[[], ContainerRunner]) -> None:
    """Say who runs containers here."""
    global _provider
    _provider = provider


def container_runner() -> ContainerRunner:
    """Who runs containers here.

    Raises:
        LoadError: nobody does.
    """
    if _provider is None:
        raise LoadError("nobody runs containers here; import partita, which brings it along")
    return _provider()
