"""The result of `task.map(...)`: one argument whatever its size, whether its elements are known yet or not.

To a type checker `Mapped[T]` is a `list[T]`, so that it can be passed to what takes a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from partita.flow.ref import NEEDS_VALUE, RefParts, StepRef, make_ref, refuse, refuse_operations

__all__ = ["Constant", "Each", "Mapped", "constant", "make_mapped"]

T = TypeVar("T")


class _Mapped(Generic[T]):
    """The elements of a map, or the step that will lay them out."""

    __slots__ = ("_parts", "elements", "keys", "name", "place", "policy", "settled", "whole")

    def __init__(
        self,
        parts: RefParts,
        name: str,
        place: str,
        elements: list[StepRef[Any]] | None,
        keys: list[str] | None,
        policy: tuple[Any, ...] | None,
        whole: StepRef[Any] | None,
    ) -> None:
        self._parts = parts  # owner, the first step that the map made, and the type of an element
        self.name = name  # local name of its elements, without their keys
        self.place = place
        self.elements = elements  # None: a step lays them out once what they are made from is known
        self.keys = keys
        self.policy = policy  # None: all must succeed; ("at_least", n); ("settle",)
        self.whole = whole  # the ref of the elements as one list, once somebody wants it
        self.settled: list[StepRef[Any]] | None = None  # the outcome of each element, once somebody wants them

    @property
    def is_known(self) -> bool:
        """Whether the elements are laid out already."""
        return self.elements is not None

    def __repr__(self) -> str:
        size = f"{len(self.elements)} elements" if self.elements is not None else "elements not known yet"
        return f"<Mapped {self.name}, {size}{', ' + self.place if self.place else ''}>"

    def __getitem__(self, index: Any) -> Any:
        if type(index) is not int:
            refuse(self, f"taken apart by [{index!r}]", "use the position of one element")
        if self.elements is None or self.policy is not None:
            assert self.whole is not None
            parts = self.whole._parts
            return make_ref(parts._replace(path=(*parts.path, index), kind=self._parts.kind))
        try:
            return self.elements[index]
        except IndexError:
            raise IndexError(f"{self!r} has no element {index}") from None

    def __iter__(self) -> NoReturn:
        refuse(self, "iterated over", "map over it (`some_task.map(mapped)`), or pass it whole to a task or flow")

    def __eq__(self, other: object) -> bool:
        refuse(self, "compared", NEEDS_VALUE)

    def __hash__(self) -> int:
        refuse(self, "hashed (put into a set, or used as the key of a dict)", "keep it in a list or as a dict's value")

    def __bool__(self) -> bool:
        refuse(self, "used as a condition", NEEDS_VALUE)

    def __format__(self, specification: str) -> str:
        refuse(self, "formatted into a text", "make the text in a task, or show it with repr()")

    def __str__(self) -> str:
        refuse(self, "turned into a text", "make the text in a task, or show it with repr()")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        refuse(self, "copied or pickled", "pass it to tasks as it is")

    def __array__(self, *args: Any, **keywords: Any) -> NoReturn:
        refuse(self, "turned into an array", NEEDS_VALUE)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"a Mapped has no {name}: {self!r} is the promise of a list, not the list")
        refuse(self, f"asked for its attribute {name!r}", NEEDS_VALUE)


refuse_operations(_Mapped)
_Mapped.__name__ = _Mapped.__qualname__ = "Mapped"

if TYPE_CHECKING:

    class Mapped(list[T]):
        """The result of a map."""

        _parts: RefParts
        name: str
        place: str
        elements: list[StepRef[Any]] | None
        keys: list[str] | None
        policy: tuple[Any, ...] | None
        whole: StepRef[Any] | None
        settled: list[StepRef[Any]] | None
        is_known: bool

else:
    Mapped = _Mapped


def make_mapped(
    parts: RefParts,
    name: str,
    place: str,
    elements: list[StepRef[Any]] | None,
    keys: list[str] | None,
    policy: tuple[Any, ...] | None,
    whole: StepRef[Any] | None,
) -> Mapped[Any]:
    """The result of a map that a layout has made."""
    made: Any = _Mapped(parts, name, place, elements, keys, policy, whole)
    mapped: Mapped[Any] = made
    return mapped


class Constant:
    """A list that `map` must not go through."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Each:
    """A list that `map` goes through whatever the parameter is declared to take."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def constant(value: T) -> T:
    """Pass the list to every element of a map whole: `score.map(models, constant(rows))`."""
    return Constant(value)  # type: ignore[return-value]
