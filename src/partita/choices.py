"""What the option `executor` says: one executor, several of which the engine chooses, or any."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["ANY", "allowed", "choice_of", "named"]

#: Every executor of the workspace.
ANY = "any"


def choice_of(names: Iterable[str]) -> str:
    """Names as one text, in the form in which profiles and runs carry them: "fast,cheap".

    Raises:
        ValueError: there is no name, or one is empty.
    """
    found = list(dict.fromkeys(name.strip() for name in names))
    if not found or not all(found):
        raise ValueError("a name, or several names that the engine may choose from")
    return ",".join(found)


def named(choice: str) -> tuple[str, ...]:
    """The names that a text holds; none where it is empty."""
    return tuple(dict.fromkeys(name.strip() for name in choice.split(",") if name.strip()))


def allowed(choice: str, executors: Iterable[str]) -> tuple[str, ...]:
    """The executors that a text allows, in the order in which it names them: of equals, the first one is taken.

    Args:
        executors: all that the workspace has, its default one first.
    """
    names = named(choice)
    if ANY not in names:
        return names
    return tuple(dict.fromkeys((*(name for name in names if name != ANY), *executors)))
