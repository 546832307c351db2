"""Whether a value of one declared type may go where another is declared.

The relation is that of a type checker, with containers covariant: values are copied between steps, so that nobody can
put a float into somebody else's `list[int]`.
"""

from __future__ import annotations

import collections.abc as abc
import types
import typing
from enum import IntEnum
from typing import Any, ForwardRef, Literal, TypeVar, get_args, get_origin

from partita.flow.mapped import Mapped
from partita.flow.ref import StepRef
from partita.flow.signature import MISSING

__all__ = [
    "Bindings", "Verdict", "fields_of", "is_protocol", "is_union", "list_of", "plain_form", "relate",
    "required_keys", "substitute",    "type_name",
]  # fmt: skip


class Verdict(IntEnum):
    """What can be said of an edge before there is a value."""

    OK = 0
    UNDECIDED = 1  # the value will tell
    WRONG = 2


#: What the TypeVars of one call stand for.
Bindings = dict[Any, Any]

_OK, _UNDECIDED, _WRONG = Verdict.OK, Verdict.UNDECIDED, Verdict.WRONG
_PROMOTED = {float: (int,), complex: (int, float)}
_cache: dict[tuple[Any, Any], Verdict] = {}


def relate(source: Any, target: Any, bindings: Bindings | None = None) -> Verdict:
    """Whether a value declared as `source` may be passed where `target` is declared.

    Args:
        bindings: what TypeVars stand for so far in this call; those of `target` are added to it.
    """
    if source is target and source is not MISSING and not isinstance(source, TypeVar):
        return _OK
    if bindings is not None and _mentions_variable(target):
        return _relate(source, target, bindings)
    try:
        found = _cache.get((source, target))
        if found is None:
            if len(_cache) > 10_000:
                _cache.clear()
            found = _cache[source, target] = _relate(source, target, {})
        return found
    except TypeError:  # unhashable: Annotated[int, []]
        return _relate(source, target, {})


def plain_form(annotation: Any) -> Any:
    """The annotation without Annotated, Ref, Required and the like."""
    while True:
        origin = get_origin(annotation)
        if origin is typing.Annotated or origin in _WRAPPERS or origin is StepRef:
            annotation = get_args(annotation)[0]
        elif origin is Mapped:
            annotation = list[get_args(annotation)[0]]  # type: ignore[misc]
        elif annotation is StepRef:
            return Any
        elif annotation is Mapped:
            return list
        elif annotation is None:
            return type(None)
        else:
            return annotation


_WRAPPERS = (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar)
_CALLABLE: Any = abc.Callable
_TOP = (Any, object, MISSING)


def list_of(kind: Any) -> Any:
    """The declared type of a list whose elements are declared as `kind`."""
    return list if kind is MISSING else list[kind]


def is_union(annotation: Any) -> bool:
    """Whether the annotation is `A | B` or `Optional[A]`."""
    return get_origin(annotation) in (typing.Union, types.UnionType)


def is_protocol(kind: Any) -> bool:
    """Whether the class is a Protocol."""
    return isinstance(kind, type) and getattr(kind, "_is_protocol", False) is True


def _mentions_variable(annotation: Any) -> bool:
    return isinstance(annotation, TypeVar) or bool(getattr(annotation, "__parameters__", ()))


def _relate(source: Any, target: Any, bindings: Bindings) -> Verdict:
    source, target = plain_form(source), plain_form(target)
    if isinstance(target, TypeVar):
        return _bind(source, target, bindings)
    if target is MISSING or target is Any or target is object or source is Any or source is typing.NoReturn:
        return _OK
    if source is MISSING or source is object or isinstance(source, (str, ForwardRef)):
        return _UNDECIDED
    if isinstance(target, (str, ForwardRef)):
        return _UNDECIDED
    if isinstance(source, TypeVar):
        return _relate(source.__bound__, target, bindings) if source.__bound__ is not None else _UNDECIDED
    if is_union(source):
        return max(_relate(item, target, bindings) for item in get_args(source))
    if is_union(target):
        return min(_relate_member(source, item, bindings) for item in _variables_last(get_args(target)))
    if source == target and type(source) is type(target):
        return _OK
    if get_origin(source) is Literal or get_origin(target) is Literal:
        return _relate_literals(source, target, bindings)
    if isinstance(source, typing.NewType):
        return _relate(source.__supertype__, target, bindings)
    if isinstance(target, typing.NewType):
        return max(_UNDECIDED, _relate(source, target.__supertype__, bindings))
    return _relate_classes(source, target, bindings)


def _variables_last(members: tuple[Any, ...]) -> list[Any]:
    return sorted(members, key=lambda member: isinstance(member, TypeVar))


def _relate_member(source: Any, member: Any, bindings: Bindings) -> Verdict:
    trial = dict(bindings)
    verdict = _relate(source, member, trial)
    if verdict is _OK:
        bindings.update(trial)
    return verdict


def _bind(source: Any, variable: TypeVar, bindings: Bindings) -> Verdict:
    if variable.__constraints__:
        fitting = [c for c in variable.__constraints__ if relate(source, c) is _OK]
        if not fitting:
            return min(relate(source, c) for c in variable.__constraints__)
        source = fitting[0]
    elif variable.__bound__ is not None:
        verdict = relate(source, variable.__bound__)
        if verdict is not _OK:
            return verdict
    known = bindings.get(variable)
    if known is None or known in _TOP:
        bindings[variable] = source
        return _OK
    verdict = relate(source, known)
    if verdict is _WRONG and relate(known, source) is _OK:
        bindings[variable] = source
        return _OK
    return verdict


def _relate_literals(source: Any, target: Any, bindings: Bindings) -> Verdict:
    if get_origin(source) is Literal:
        if get_origin(target) is Literal:
            admitted = [(type(value), value) for value in get_args(target)]
            return _OK if all((type(value), value) in admitted for value in get_args(source)) else _WRONG
        return max(_relate(type(value), target, bindings) for value in get_args(source))
    kinds = {type(value) for value in get_args(target)}
    if source is bool and set(get_args(target)) >= {True, False} and bool in kinds:
        return _OK
    return _UNDECIDED if any(_relate(kind, source, {}) is _OK for kind in kinds) else _WRONG


def _relate_classes(source: Any, target: Any, bindings: Bindings) -> Verdict:
    source_class = get_origin(source) or source
    target_class = get_origin(target) or target
    if not isinstance(source_class, type) or not isinstance(target_class, type):
        return _UNDECIDED
    if source_class is type or target_class is type:
        return _relate_generics(source, target, source_class, target_class, bindings)
    if typing.is_typeddict(target_class):
        return _relate_typed_dict(source, source_class, target_class, bindings)
    if typing.is_typeddict(source_class):
        return _from_typed_dict(source_class, target, target_class, bindings)
    if target_class is _CALLABLE:
        return _relate_callable(source, source_class, target, bindings)
    if is_protocol(target_class) and not _is_subclass(source_class, target_class):
        return _relate_protocol(source_class, target_class)
    if any(_is_subclass(source_class, kind) for kind in _PROMOTED.get(target_class, ())):
        return _OK
    return _relate_generics(source, target, source_class, target_class, bindings)


def _is_subclass(source: type, target: type) -> bool:
    try:
        return issubclass(source, target)
    except TypeError:  # a protocol that is not checkable at run time
        return target in source.__mro__


def _relate_generics(source: Any, target: Any, source_class: type, target_class: type, bindings: Bindings) -> Verdict:
    if not _is_subclass(source_class, target_class):
        return _WRONG
    wanted = get_args(target)
    if not wanted:
        return _OK
    if target_class is tuple:
        return _relate_tuples(get_args(source), wanted, bindings)
    given = _arguments_as(source, source_class, target_class, len(wanted))
    if given is None:
        return _bind_loosely(wanted, bindings)
    return max(_relate(item, kind, bindings) for item, kind in zip(given, wanted, strict=True))


def _bind_loosely(wanted: tuple[Any, ...], bindings: Bindings) -> Verdict:
    return _OK if all(item is Any for item in wanted) else _UNDECIDED


def _arguments_as(source: Any, source_class: type, target_class: type, count: int) -> tuple[Any, ...] | None:
    """The type arguments that the source has where it is seen as the target's class."""
    given = get_args(source)
    if source_class is str and count == 1:
        return (str,)
    if source_class in (bytes, bytearray, range) and count == 1:
        return (int,)
    if source_class is tuple and count == 1 and given:
        items = tuple(item for item in given if item is not Ellipsis)
        return (typing.Union[items],)  # noqa: UP007 - made from values
    if given and _is_subclass(source_class, abc.Mapping) and count == 1:
        return given[:1]
    if len(given) == count and (source_class is target_class or source_class.__module__ in _STANDARD):
        return given
    return _inherited(source, source_class, target_class, count)


_STANDARD = frozenset({"builtins", "collections", "collections.abc", "typing", "_collections_abc"})


def _inherited(source: Any, source_class: type, target_class: type, count: int) -> tuple[Any, ...] | None:
    parameters = getattr(source_class, "__parameters__", ())
    known = dict(zip(parameters, get_args(source), strict=False))
    for base in getattr(source_class, "__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and origin is not typing.Generic and _is_subclass(origin, target_class):
            filled = substitute(base, known)
            found = _arguments_as(filled, origin, target_class, count)
            if found is not None and not any(isinstance(item, TypeVar) for item in found):
                return found
    return None


def _relate_tuples(given: tuple[Any, ...], wanted: tuple[Any, ...], bindings: Bindings) -> Verdict:
    if not given:
        return _UNDECIDED
    if Ellipsis in wanted:
        items = [item for item in given if item is not Ellipsis]
        return max((_relate(item, wanted[0], bindings) for item in items), default=_OK)
    if Ellipsis in given:
        return max(_UNDECIDED, *(_relate(given[0], item, bindings) for item in wanted))
    if len(given) != len(wanted):
        return _WRONG
    return max(_relate(item, kind, bindings) for item, kind in zip(given, wanted, strict=True))


def fields_of(kind: Any) -> dict[str, Any]:
    """The declared fields of a class: of a TypedDict, dataclass or any annotated class."""
    try:
        return typing.get_type_hints(kind)
    except Exception:
        return dict(getattr(kind, "__annotations__", {}))


def required_keys(kind: Any) -> frozenset[str]:
    """The keys that a TypedDict must have."""
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except Exception:
        return frozenset(kind.__required_keys__)
    # Where annotations are texts, __required_keys__ does not know of NotRequired[...].
    optional = {name for name, hint in hints.items() if get_origin(hint) is typing.NotRequired}
    demanded = {name for name, hint in hints.items() if get_origin(hint) is typing.Required}
    return frozenset((kind.__required_keys__ - optional) | demanded)


def _relate_typed_dict(source: Any, source_class: type, target: Any, bindings: Bindings) -> Verdict:
    if not typing.is_typeddict(source_class):
        return _UNDECIDED if _is_subclass(source_class, dict) or source_class in _MAPPINGS else _WRONG
    given, wanted = fields_of(source_class), fields_of(target)
    if not required_keys(target) <= required_keys(source_class):
        return _WRONG
    return max((_relate(given[key], wanted[key], bindings) for key in wanted if key in given), default=_OK)


_MAPPINGS = (abc.Mapping, abc.MutableMapping)


def _from_typed_dict(source_class: type, target: Any, target_class: type, bindings: Bindings) -> Verdict:
    if not _is_subclass(dict, target_class):
        return _WRONG
    wanted = get_args(target)
    if len(wanted) != 2:
        return _OK
    values = fields_of(source_class).values()
    return max(_relate(str, wanted[0], bindings), *(_relate(value, wanted[1], bindings) for value in values), _OK)


def _relate_callable(source: Any, source_class: type, target: Any, bindings: Bindings) -> Verdict:
    if source_class is _CALLABLE:
        given, wanted = get_args(source), get_args(target)
        return _relate(given[1], wanted[1], bindings) if given and wanted else _OK
    return _OK if issubclass(source_class, _CALLABLE) else _WRONG


def _relate_protocol(source: type, target: type) -> Verdict:
    members = {
        name
        for kind in target.__mro__
        if is_protocol(kind)
        for name in (*vars(kind), *vars(kind).get("__annotations__", ()))
        if not name.startswith("_abc_") and (not name.startswith("_") or name in _PROTOCOL_METHODS)
    }
    has = set(dir(source)) | set(fields_of(source)) if members else set()
    if members <= has:
        return _OK
    return _UNDECIDED if hasattr(source, "__getattr__") else _WRONG


_PROTOCOL_METHODS = frozenset(
    f"__{name}__"
    for name in ("len", "iter", "next", "getitem", "contains", "call", "enter", "exit", "fspath", "index", "float")
)


def substitute(annotation: Any, bindings: Bindings) -> Any:
    """The annotation with its TypeVars replaced by what they stand for."""
    if isinstance(annotation, TypeVar):
        return bindings.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not parameters or (isinstance(annotation, type) and not get_args(annotation)):
        return annotation
    try:
        return annotation[tuple(bindings.get(variable, variable) for variable in parameters)]
    except TypeError:
        return annotation


def type_name(annotation: Any) -> str:
    """The annotation as people write it."""
    if annotation is MISSING:
        return "no declared type"
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, list):
        return f"[{', '.join(map(type_name, annotation))}]"
    if isinstance(annotation, (typing.NewType, TypeVar)):
        return str(annotation.__name__)
    origin, given = get_origin(annotation), get_args(annotation)
    if is_union(annotation):
        return " | ".join(map(type_name, given))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, given))}]"
    if origin is typing.Annotated:
        return type_name(given[0])
    if origin is not None and given:
        return f"{getattr(origin, '__name__', origin)}[{', '.join(map(type_name, given))}]"
    return getattr(annotation, "__name__", None) or str(annotation)
