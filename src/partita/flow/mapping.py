"""Laying out a map: a step for each element, or one step that will lay them out once the elements are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args, get_origin

from partita.core.states import Need
from partita.errors import CheckError, Problem, RefError
from partita.flow.arguments import ArgumentWriter, holds_refs
from partita.flow.calls import guarded
from partita.flow.definition import Definition
from partita.flow.edges import EdgeCheck
from partita.flow.mapped import Constant, Each, Mapped, make_mapped
from partita.flow.ref import RefParts, StepRef, retype
from partita.flow.settle import outcome_of
from partita.flow.signature import MISSING, Parameter
from partita.flow.types import Verdict, is_union, list_of, plain_form, relate
from partita.flow.values import check_value
from partita.values import pack

if TYPE_CHECKING:
    from partita.flow.layout import Layout

__all__ = ["Elements", "expand", "filled_map", "is_sequence", "lay_out_map", "map_arguments"]

#: One argument of a map: (parameter, label, value, whether the map goes through it). None: its value will tell.
MapArgument = tuple[Parameter, str, Any, bool | None]


def lay_out_map(
    layout: Layout,
    target: Definition[..., Any],
    args: tuple[Any, ...],
    keywords: Mapping[str, Any],
    key: Any,
    policy: tuple[Any, ...] | None,
    place: str,
) -> Mapped[Any]:
    """The map's result, with its steps added."""
    try:
        args, keywords = filled_map(target, args, keywords)
        arguments = map_arguments(target, args, keywords)
        policy = policy or _inherited_policy(arguments)
        if any(goes is not False and not _is_known(value) for _, _, value, goes in arguments):
            return _deferred(layout, target, arguments, len(args), key, policy, place)
        return _known(layout, target, Elements(target.name, arguments, len(args), key), policy, place)
    except CheckError as error:
        for problem in error.problems:
            layout.problem(problem.message, problem.place or place, problem.remedy)
        return _mapped(layout, target, place, [], [], policy)


def expand(
    layout: Layout, target: Definition[..., Any], args: tuple[Any, ...], keywords: dict[str, Any], mapping: Any
) -> None:
    """Lay out, in a worker, the elements of a map over what was not known when it was written."""
    options = mapping.get("options")
    if options is not None:
        target = type(target)(target.function, options)
    place = mapping.get("place", "")
    through, undecided = frozenset(mapping["mapped"]), frozenset(mapping["undecided"])
    arguments: list[MapArgument] = []
    for parameter, label, value in target.signature.pairs(args, keywords):
        goes = _is_gone_through(value, parameter.annotation) if label in undecided else label in through
        arguments.append((parameter, label, value, goes))
    if not any(goes for *_, goes in arguments):
        layout.problem(f"{target.name}.map got nothing to go through: {', '.join(undecided)} is no list", place)
    for parameter, label, value, goes in arguments:
        if goes and not isinstance(value, (list, tuple)):
            layout.problem(
                f"{target.name}.map goes through {label}, which is {type(value).__name__}, not a list",
                place,
                f"give a list; what is the same for every element is written constant({label})",
            )
        else:
            _retype(value, parameter, goes)
    if layout.errors:
        return
    policy = tuple(mapping["policy"]) if mapping.get("policy") else None
    elements = Elements(target.name, arguments, len(args), mapping.get("key"))
    mapped = _known(layout, target, elements, policy, place)
    layout.value = layout.written_map(mapped)


def _retype(value: Any, parameter: Parameter, goes: bool | None) -> None:
    for item in value if goes else (value,):
        if type(item) is StepRef and item._parts.kind is MISSING:
            retype(item, parameter.annotation)


class Elements:
    """The arguments of each element's call, and its name."""

    def __init__(self, name: str, arguments: list[MapArgument], positional: int, key: Any) -> None:
        """
        Raises:
            CheckError: lists of unequal length, or keys that do not fit.
        """
        self.name = name
        self._positional = positional
        self._columns = [(label, _unwrapped(value, goes), goes) for _, label, value, goes in arguments]
        lengths = {label: len(value) for label, value, goes in self._columns if goes}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{label} has {length}" for label, length in lengths.items())
            raise _refused(
                f"{name}.map goes through lists of unequal length: {shown}",
                "make them equal; what is the same for every element is written constant(...)",
            )
        self.count = next(iter(lengths.values()), 0)
        inherited = [value.keys for _, _, value, goes in arguments if goes and type(value) is Mapped and value.keys]
        numbers = [str(index) for index in range(self.count)]
        self.keys: list[str] = [*inherited, numbers][0] if key is None else self._named(key)

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        columns, positional = self._columns, self._positional
        for index in range(self.count):
            values = [value[index] if goes else value for _, value, goes in columns]
            named = {columns[i][0]: values[i] for i in range(positional, len(columns))}
            yield tuple(values[:positional]), named

    def _named(self, key: Any) -> list[str]:
        if callable(key):
            keys = self._computed(key)
        elif isinstance(key, str) or not isinstance(key, Iterable):
            raise _refused(f"{self.name}.map: key={key!r} is neither a list of names nor a function", "")
        else:
            keys = list(key)
            if any(type(item) is StepRef for item in keys):
                raise _refused(f"{self.name}.map: its keys are promises", "give names that are known")
        if len(keys) != self.count:
            raise _refused(f"{self.name}.map has {self.count} elements, and {len(keys)} keys", "give one key for each")
        names = [_key_text(item) for item in keys]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            more = f" and {len(twice) - 5} more" if len(twice) > 5 else ""
            raise _refused(
                f"{self.name}.map has several elements with the key {', '.join(map(repr, twice[:5]))}{more}",
                "give every element a key of its own",
            )
        return names

    def _computed(self, key: Callable[..., Any]) -> list[Any]:
        through = [value for _, value, goes in self._columns if goes]
        try:
            return [key(*(column[index] for column in through)) for index in range(self.count)]
        except RefError as error:
            raise _refused(
                f"{self.name}.map: the key function needs values that are not known yet: {error}",
                "give a list of keys, or make the keys from what is known",
            ) from None


def _key_text(key: Any) -> str:
    return str(key).replace("/", "_")


def _refused(message: str, remedy: str) -> CheckError:
    return CheckError([Problem(message, "", remedy)])


def _unwrapped(value: Any, goes: bool | None) -> Any:
    if isinstance(value, Constant):
        return value.value
    if type(value) is Mapped and goes:
        if value.policy == ("settle",):
            return value._parts.owner.settled(value)  # type: ignore[attr-defined]
        return value.elements
    return value


def _elements_of(value: Any) -> Any:
    """A value that a map may go through as something with a length: iterators are used up here."""
    if isinstance(value, (str, bytes, bytearray, Mapping, Constant, list, tuple)):
        return value
    if type(value) is StepRef or type(value) is Mapped:
        return value
    if isinstance(value, (range, Iterator)) or type(value).__name__ in ("dict_keys", "dict_values", "dict_items"):
        return list(value)
    return value


def _is_gone_through(value: Any, annotation: Any) -> bool | None:
    """Whether a map goes through the value, rather than passing it whole to every element; None: its value will tell.

    A list is passed whole where the parameter is declared to take just such a list.
    """
    if type(value) is Mapped:
        kind = value._parts.kind
        return not _takes(list_of(kind), annotation)
    if type(value) is StepRef:
        kind = value._parts.kind
        if _is_open(kind):
            return None
        return is_sequence(kind) and not _takes(kind, annotation)
    if not isinstance(value, (list, tuple)):
        return False
    if _is_open(annotation) or not is_sequence(annotation):
        return True
    if holds_refs(value):
        return not _takes(type(value), annotation)
    return bool(check_value(value, annotation)) or (not value and not is_sequence(annotation))


def _takes(kind: Any, annotation: Any) -> bool:
    return not _is_open(annotation) and relate(kind, annotation) is not Verdict.WRONG


def _is_open(annotation: Any) -> bool:
    plain = plain_form(annotation)
    return plain in (Any, object, MISSING) or (not isinstance(get_origin(plain) or plain, type) and not is_union(plain))


_SEQUENCES = (list, tuple)


def is_sequence(kind: Any) -> bool:
    """Whether values of the type may be lists that a map goes through."""
    plain = plain_form(kind)
    if plain is Any or plain is MISSING or plain is object:
        return True
    if is_union(plain):
        return any(is_sequence(item) for item in get_args(plain))
    origin = get_origin(plain) or plain
    if not isinstance(origin, type) or issubclass(origin, (str, bytes, dict)):
        return False
    return origin in (list, tuple) or any(relate(kind, origin) is Verdict.OK for kind in _SEQUENCES)


def filled_map(
    target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments with those that are bound, which are the same for every element."""
    if not target.bound:
        return args, keywords
    filled, named = target.filled(args, keywords)
    return filled, {n: Constant(v) if target.bound.get(n, MISSING) is v else v for n, v in named.items()}


def map_arguments(
    target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> list[MapArgument]:
    """The arguments of a map.

    Raises:
        CheckError: they do not fit, or none is gone through.
    """
    misfits = target.signature.misfits(len(args), keywords)
    if misfits:
        raise CheckError([Problem(misfit) for misfit in misfits])
    found = []
    for parameter, label, value in target.signature.pairs(args, keywords):
        is_told = type(value) is Each
        value = _elements_of(value.value if is_told else value)
        found.append((parameter, label, value, is_told or _is_gone_through(value, parameter.annotation)))
    if all(goes is False for *_, goes in found):
        raise _refused(
            f"{target.name}.map got nothing to go through",
            f"give it a list, or the promise of one; for a single call write {target.name}(...)",
        )
    return found


def _inherited_policy(arguments: list[MapArgument]) -> tuple[Any, ...] | None:
    """What goes through a map that may lose elements may lose them too."""
    for _, _, value, goes in arguments:
        if goes and type(value) is Mapped and value.policy is not None and value.policy[0] == "at_least":
            return value.policy
    return None


def _is_known(value: Any) -> bool:
    return value.is_known if type(value) is Mapped else type(value) is not StepRef


def _mapped(
    layout: Layout,
    target: Definition[..., Any],
    place: str,
    elements: list[StepRef[Any]],
    keys: list[str],
    policy: tuple[Any, ...] | None,
) -> Mapped[Any]:
    kind = element_kind(elements[0]._parts.kind if elements else target.signature.returns, policy)
    first = elements[0]._parts.step if elements else len(layout.rows)
    return make_mapped(RefParts(layout, first, (), kind), target.name, place, elements, keys, policy, None)


def element_kind(kind: Any, policy: tuple[Any, ...] | None) -> Any:
    """The declared type of one element of a map's result."""
    if policy is not None and policy[0] == "settle":
        return outcome_of(kind)
    return kind


def _known(
    layout: Layout,
    target: Definition[..., Any],
    elements: Elements,
    policy: tuple[Any, ...] | None,
    place: str,
) -> Mapped[Any]:
    name = target.name
    refs = [
        layout.add_call(target, args, keywords, place, f"{name}[{key}]")
        for key, (args, keywords) in zip(elements.keys, elements, strict=True)
    ]
    mapped = _mapped(layout, target, place, refs, elements.keys, policy)
    if policy is not None:
        layout.whole(mapped)  # whoever else looks at the elements: this step is what admits their failures
    return mapped


def _deferred(
    layout: Layout,
    target: Definition[..., Any],
    arguments: list[MapArgument],
    positional: int,
    key: Any,
    policy: tuple[Any, ...] | None,
    place: str,
) -> Mapped[Any]:
    writer = ArgumentWriter(layout)
    names: list[str] = []
    nodes: list[Any] = []
    named: list[Any] = []
    check = EdgeCheck(layout, target, place)
    for parameter, label, value, goes in arguments:
        if goes:
            check.elements(parameter, label, value)
        elif goes is False:
            check.argument(parameter, label, _bare(value))
        node = _deferred_node(layout, writer, value, goes is not False)
        if len(nodes) < positional:
            nodes.append(node)
        else:
            names.append(label)
            named.append(node)
    for prerequisite in target.prerequisites:
        guarded(layout, writer, prerequisite, None, False, f"what {target.name} is to come after", place)
    mapping = {
        "mapped": [label for _, label, _, goes in arguments if goes],
        "undecided": [label for _, label, _, goes in arguments if goes is None],
        "policy": list(policy) if policy else None,
        "key": key if key is None or callable(key) else list(key),
        "place": place,
    }
    if target.is_altered:
        mapping["options"] = target.options
    names.append("__mapping__")
    named.append(layout.encode_constant(mapping, None))
    number = layout.add_row(
        f"{target.name}[]", layout.profile_number(target, "map"), pack((nodes, names, named)), writer.inputs, place
    )
    kind = element_kind(target.signature.returns, policy)
    whole = layout.ref(number, list_of(kind))
    return make_mapped(RefParts(layout, number, (), kind), target.name, place, None, None, policy, whole)


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, Constant) else value


def _deferred_node(layout: Layout, writer: ArgumentWriter, value: Any, goes: bool) -> Any:
    value = _bare(value)
    if type(value) is StepRef and goes and layout.is_flow_step(value):
        # What the flow laid out is enough: its elements need not be there for the map over them to go on.
        parts = layout.parts_here(value)
        return writer.input(parts.step, parts.path, Need.SHAPE)
    if type(value) is StepRef and goes:
        return writer.write(value)
    if type(value) is Mapped and goes and value.policy == ("settle",) and value.is_known:
        return writer.write(layout.settled(value), None, True)
    return writer.write(value, None, ("each", True) if type(value) is Mapped and goes else True)
