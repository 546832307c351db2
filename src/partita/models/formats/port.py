"""The port of formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from partita.models.model import Model

__all__ = ["Format", "Packed", "Predictor"]


@dataclass(frozen=True, slots=True)
class Predictor:
    """An opened model."""

    wrapped: Any  # the library's own object
    predict: Callable[[Any], Any]
    predict_proba: Callable[[Any], Any] | None = None
    classes: Any = None  # (classes,), where it tells any apart


@dataclass(frozen=True, slots=True)
class Packed:
    """A model as files."""

    format: str  # under which it is opened
    kind: str  # what made it
    title: str  # what it is, in a few words
    files: dict[str, Any]
    packages: tuple[str, ...]  # distributions that it needs
    about: dict[str, Any] = field(default_factory=dict)  # plain, what `open` needs
    notes: tuple[str, ...] = ()  # what people should know


class Format(Protocol):
    """One format.

    Laws:

    1. What `open` gives for the files of `pack` predicts as what was packed.
    2. Equal models give the same files, as far as their library allows.
    3. `open` runs only what the files of a known origin name: what can run code is sealed, or pickled by the workspace's codec.
    """

    names: tuple[str, ...]  # of the formats that it opens

    def matches(self, wrapped: Any) -> bool:
        """Whether it takes this object; without importing what is not loaded."""
        ...

    def predictor(self, wrapped: Any, options: dict[str, Any]) -> Predictor:
        """How the object predicts."""
        ...

    def pack(self, wrapped: Any, options: dict[str, Any]) -> Packed:
        """The object as files.

        Raises:
            ModelError: it cannot be stored.
        """
        ...

    def open(self, model: Model) -> Predictor:
        """The model of these files.

        Raises:
            ModelError: the library is missing, or they are not what it writes.
        """
        ...
