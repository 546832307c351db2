"""A promise of a step's value. It can be passed on and indexed; whatever would need the value raises.

To a type checker `Ref[T]` is `T`: a call in a flow has the task's return type, so editors complete and the wiring is
checked. At run time it is `StepRef`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, NoReturn, Protocol, TypeVar, get_args, get_origin

from partita.errors import RefError
from partita.values import Path

__all__ = [
    "NEEDS_VALUE", "Ref", "RefOwner", "RefParts", "StepRef", "is_ref", "make_ref", "parts_of", "refuse",
    "refuse_operations", "retype",
]  # fmt: skip

T = TypeVar("T")


class RefOwner(Protocol):
    """The layout that a ref belongs to."""

    def describe(self, step: int) -> tuple[str, str]:
        """The step's path for people, and the place of the call that made it."""
        ...

    def item_type(self, kind: Any, key: str | int, step: int) -> Any:
        """The declared type of `value[key]`; notes a problem where there can be no such item."""
        ...


class RefParts(NamedTuple):
    """What a ref stands for."""

    owner: RefOwner
    step: int  # local number; below 0: an outer step, whose id is -(number + 1)
    path: Path  # keys and indices into the step's value
    kind: Any  # declared type


NEEDS_VALUE = (
    "its value is not known yet: pass it to a task, or to a flow whose body then runs with the real value"
    " (`@flow def rest(value): ...`)"
)


class StepRef(Generic[T]):
    """A promise of a step's value."""

    __slots__ = ("_parts",)
    _parts: RefParts

    def __repr__(self) -> str:
        parts = self._parts
        name, place = parts.owner.describe(parts.step)
        path = "".join(f"[{key!r}]" for key in parts.path)
        return f"<Ref of step {name}{path}, {place}>" if place else f"<Ref of step {name}{path}>"

    def __getitem__(self, key: Any) -> Any:
        if type(key) is not str and type(key) is not int:
            refuse(self, f"taken apart by [{key!r}]", "use a text or a whole number in [...]; slice it in a task")
        parts = self._parts
        kind = parts.owner.item_type(parts.kind, key, parts.step)
        return make_ref(RefParts(parts.owner, parts.step, (*parts.path, key), kind))

    def __iter__(self) -> Iterator[Any]:
        kind = self._parts.kind
        items = get_args(kind) if get_origin(kind) is tuple else ()
        if not items or Ellipsis in items:
            refuse(
                self,
                "iterated over",
                "use `some_task.map(ref)` for each element; only the result of a task annotated"
                " `-> tuple[A, B]` can be unpacked",
            )
        return iter([self[index] for index in range(len(items))])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # probes of copy, pickle, inspect and notebooks: what is not there is not there
            raise AttributeError(f"a Ref has no {name}: {self!r} is the promise of a value, not the value")
        refuse(self, f"asked for its attribute {name!r}", f"{NEEDS_VALUE}; for a key or field use ref[{name!r}]")

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        refuse(self, f"given the attribute {name!r}", "let a task make the changed value")

    def __delattr__(self, name: str) -> NoReturn:
        refuse(self, f"robbed of the attribute {name!r}", "let a task make the changed value")

    def __eq__(self, other: object) -> bool:
        refuse(self, "compared", NEEDS_VALUE)

    def __hash__(self) -> int:
        refuse(self, "hashed (put into a set, or used as the key of a dict)", "keep refs in lists or as dict values")

    def __bool__(self) -> bool:
        refuse(self, "used as a condition", NEEDS_VALUE)

    def __format__(self, specification: str) -> str:
        refuse(self, "formatted into a text", "make the text in a task, or show the ref itself with repr()")

    def __str__(self) -> str:
        refuse(self, "turned into a text", "make the text in a task, or show the ref itself with repr()")

    def __call__(self, *args: Any, **keywords: Any) -> NoReturn:
        refuse(self, "called", NEEDS_VALUE)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        refuse(
            self,
            "copied or pickled",
            "refs are found in lists, tuples, dicts and dataclasses; keep them in these, and do not copy them",
        )

    def __array__(self, *args: Any, **keywords: Any) -> NoReturn:
        refuse(self, "turned into an array", NEEDS_VALUE)

    def __array_ufunc__(self, *args: Any, **keywords: Any) -> NoReturn:
        refuse(self, "used in array arithmetic", "do the arithmetic in a task")


def refuse(ref: Any, what: str, remedy: str) -> NoReturn:
    """Raise the error for what cannot be done with a promise (a ref, or a map's result)."""
    parts: RefParts = ref._parts
    name, place = parts.owner.describe(parts.step)
    where = f" (called at {place})" if place else ""
    path = "".join(f"[{key!r}]" for key in parts.path)
    raise RefError(f"The result of step {name}{path}{where} was {what}. {remedy[0].upper()}{remedy[1:]}.")


_REFUSED = {
    "used as an iterator": ("next",),
    "measured with len()": ("len", "length_hint"),
    "searched with `in`": ("contains",),
    "iterated over in reverse": ("reversed",),
    "changed by [...] =": ("setitem", "delitem"),
    "awaited": ("await", "aiter", "anext"),
    "used in a `with` statement": ("enter", "exit", "aenter", "aexit"),
    "ordered": ("lt", "le", "gt", "ge", "ne"),
    "turned into bytes or a path": ("bytes", "fspath", "buffer"),
    "turned into a number": ("int", "float", "complex", "index", "round", "trunc", "floor", "ceil"),
    "used in arithmetic": (
        *("neg", "pos", "abs", "invert"),
        *(
            prefix + name
            for name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow")
            for prefix in ("", "r", "i")
        ),
        *(prefix + name for name in ("lshift", "rshift", "and", "xor", "or") for prefix in ("", "r", "i")),
    ),
    "turned into an array": ("dlpack", "dlpack_device", "dataframe", "arrow_array", "arrow_c_array"),
}


def _refusing(what: str) -> Any:
    def refused(self: Any, *args: Any, **keywords: Any) -> NoReturn:
        refuse(self, what, NEEDS_VALUE)

    return refused


def refuse_operations(promise: type, method: Any = None) -> None:
    """Give the class a method that raises for every operator which it does not define itself."""
    for what, names in _REFUSED.items():
        for name in names:
            if f"__{name}__" not in vars(promise):
                setattr(promise, f"__{name}__", method or _refusing(what))


refuse_operations(StepRef)

_set_parts = StepRef.__dict__["_parts"].__set__
_new = StepRef.__new__

StepRef.__name__ = StepRef.__qualname__ = "Ref"

if TYPE_CHECKING:
    Ref = Annotated[T, "promise"]
else:
    Ref = StepRef


def make_ref(parts: RefParts) -> StepRef[Any]:
    """A ref that stands for these parts."""
    ref = _new(StepRef)
    _set_parts(ref, parts)
    return ref


def parts_of(ref: StepRef[Any]) -> RefParts:
    """What the ref stands for."""
    return ref._parts


def retype(ref: StepRef[Any], kind: Any) -> None:
    """Say the declared type of a ref's value, where that is learnt after the ref was made."""
    _set_parts(ref, ref._parts._replace(kind=kind))


def is_ref(value: object) -> bool:
    """Whether the value is a promise."""
    return type(value) is StepRef
