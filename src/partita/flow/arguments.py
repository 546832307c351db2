"""Writing a structure of refs and constants as nodes: the arguments of a call, or the value that a flow returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol, get_args, get_origin

from partita.core.states import Need
from partita.flow.loading import locate
from partita.flow.mapped import Mapped
from partita.flow.ref import RefParts, StepRef
from partita.flow.signature import Holding, Parameter, Signature
from partita.values import DICT, INPUT, LIST, OBJECT, REF, TUPLE, Node, Path, is_plain

__all__ = ["ArgumentWriter", "Source", "ValueWriter", "element_types", "holds_refs", "needs_values", "with_lists"]


class Source(Protocol):
    """The layout, as far as writing needs it."""

    def encode_constant(self, value: Any, declared: Any) -> Node:
        """The node of a value without refs."""
        ...

    def code_of(self, items: Iterable[Any], /) -> str:
        """Hash of the code of those of the classes and functions that are the project's; empty: none is."""
        ...

    def parts_here(self, ref: StepRef[Any]) -> RefParts:
        """The parts of a ref of this layout; raises RefError for one of another."""
        ...

    def whole(self, mapped: Mapped[Any]) -> StepRef[Any]:
        """The ref of a map's elements as one list."""
        ...

    def is_known(self, value: Any) -> bool:
        """Whether the object came in with a node of its own."""
        ...


def holds_refs(value: Any, is_known: Callable[[Any], bool] | None = None) -> bool:
    """Whether a ref (or an object that has a node already) is the value or lies in it."""
    kind = type(value)
    if kind is StepRef or kind is Mapped:
        return True
    if kind in _LEAVES:
        return False
    stack, seen = [value], set()
    while stack:
        current = stack.pop()
        kind = type(current)
        if kind is StepRef or kind is Mapped or (is_known is not None and is_known(current)):
            return True
        if kind in _LEAVES or id(current) in seen:
            continue
        children = _children(current, kind)
        if children is not None and not set(map(type, children)) <= _LEAVES:  # a million numbers are passed by fast
            seen.add(id(current))
            stack.extend(children)
    return False


_LEAVES = frozenset({type(None), bool, int, float, str, bytes})


def _children(value: Any, kind: type) -> list[Any] | None:
    if issubclass(kind, (list, tuple)):
        return list(value)
    if issubclass(kind, dict):
        return list(value.values())
    if is_dataclass(kind):
        return [getattr(value, field.name, None) for field in fields(kind)]
    return None


def needs_values(value: Any, holding: Holding) -> bool:
    """Whether the value holds a ref whose value the callee wants, rather than the ref itself."""
    if holding is True:
        return False
    kind = type(value)
    if kind is StepRef:
        return True
    if kind is Mapped:
        return holding is False or not value.is_known
    if kind in _LEAVES:
        return False
    if holding is False:
        return holds_refs(value)
    children = _children(value, kind)
    if children is None:
        return False
    if holding[0] == "each":
        return any(needs_values(child, holding[1]) for child in children)
    return any(needs_values(child, part) for child, part in zip(children, holding[1], strict=False))


def with_lists(
    signature: Signature, args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments for a body that is laid out in place: a map given to a `list[Ref[T]]` becomes a list of refs."""

    def listed(parameter: Parameter, value: Any) -> Any:
        if type(value) is Mapped and value.elements is not None and parameter.holding is not False:
            return value if get_origin(parameter.annotation) is Mapped else list(value.elements)
        return value

    listed_args = [listed(parameter, value) for parameter, _, value in signature.pairs(args, {})]
    return listed_args, {label: listed(parameter, value) for parameter, label, value in signature.pairs((), keywords)}


def element_types(annotation: Any, count: int) -> list[Any]:
    """The declared types of a list's or tuple's elements, None where there is none."""
    given = get_args(annotation)
    origin = get_origin(annotation)
    if origin is tuple and Ellipsis not in given:
        return list(given) if len(given) == count else [None] * count
    if given and origin is not None and len(given) <= 2:
        return [given[0]] * count
    return [None] * count


class ValueWriter:
    """Writes the value that a flow returns: refs become REF nodes."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def write(self, value: Any, declared: Any = None, holding: Holding = False) -> Node:
        kind = type(value)
        if kind is StepRef:
            return self._ref(self._source.parts_here(value), holding is True)
        if kind is Mapped:
            return self._mapped(value, holding)
        if kind in _LEAVES or not holds_refs(value, self._source.is_known):
            return self._source.encode_constant(value, declared)
        if self._source.is_known(value):
            return self._source.encode_constant(value, declared)
        return self._structure(value, kind, declared, holding)

    def _structure(self, value: Any, kind: type, declared: Any, holding: Holding) -> Node:
        if kind is list or kind is tuple:
            items = list(value)
            parts = _holdings(holding, len(items))
            types = element_types(declared, len(items))
            nodes = [self.write(*item) for item in zip(items, types, parts, strict=True)]
            return [LIST if kind is list else TUPLE, nodes]
        if kind is dict and all(is_plain(key) for key in value):
            parts = _holdings(holding, len(value))
            given = get_args(declared)
            item_type = given[1] if len(given) == 2 else None
            nodes = [self.write(item, item_type, part) for item, part in zip(value.values(), parts, strict=True)]
            return [DICT, list(value), nodes]
        if is_dataclass(kind):
            names = [field.name for field in fields(kind)]
            nodes = [self.write(getattr(value, name), None, holding) for name in names]
            code = self._source.code_of((kind,))
            return [OBJECT, locate(kind), names, nodes, *([code] if code else [])]
        # Whatever else holds refs (a subclass of list, a named tuple) is refused by its pickling, which names the ref.
        return self._source.encode_constant(value, declared)

    def _ref(self, parts: RefParts, is_held: bool) -> Node:
        return [REF, parts.step, list(parts.path)]

    def _mapped(self, mapped: Mapped[Any], holding: Holding) -> Node:
        if mapped.elements is not None and mapped.policy is None:
            return [LIST, [self._ref(self._source.parts_here(ref), False) for ref in mapped.elements]]
        return self._ref(self._source.parts_here(self._source.whole(mapped)), False)


def _holdings(holding: Holding, count: int) -> list[Holding]:
    if holding is True or holding is False:
        return [holding] * count
    if holding[0] == "each":
        return [holding[1]] * count
    parts = list(holding[1])
    return parts if len(parts) == count else [False] * count


class ArgumentWriter(ValueWriter):
    """Writes the arguments of one call: refs become INPUT nodes, and `inputs` says what they are."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.inputs: list[Any] = []  # local numbers, or [number, path, need]
        self._index: dict[tuple[int, Path, int], int] = {}

    def _ref(self, parts: RefParts, is_held: bool) -> Node:
        return self.input(parts.step, parts.path, Need.HOLD if is_held else Need.VALUE)

    def input(self, step: int, path: Path, need: Need) -> Node:
        """The INPUT node of a step's value, or of a part of it."""
        key = (step, path, int(need))
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self.inputs)
            self.inputs.append(step if not path and need == Need.VALUE else [step, list(path), int(need)])
        return [INPUT, index]

    def _mapped(self, mapped: Mapped[Any], holding: Holding) -> Node:
        if holding is not False:
            if mapped.elements is not None:
                return [LIST, [self._ref(self._source.parts_here(ref), True) for ref in mapped.elements]]
            parts = self._source.parts_here(self._source.whole(mapped))
            return self.input(parts.step, parts.path, Need.SHAPE)
        return self._ref(self._source.parts_here(self._source.whole(mapped)), False)
