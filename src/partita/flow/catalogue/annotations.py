"""The forms of parameters, read from source: what a type that is written there admits, and what a default would be typed as."""

from __future__ import annotations

import ast
import json
from typing import Any

from partita.flow.catalogue.modules import Library, SourceModule, UnreadableError
from partita.protocol.forms import Form

__all__ = ["default_text", "form_of_annotation"]

_SIMPLE: dict[str, str] = {
    "str": "text", "int": "integer", "float": "number", "bool": "boolean", "datetime.date": "date",
    "datetime.datetime": "datetime",
}  # fmt: skip
_LISTS = frozenset(
    {"list", "set", "frozenset", "typing.List", "typing.Sequence", "collections.abc.Sequence", "typing.Set"}
)
_MAPS = frozenset({"dict", "typing.Dict", "typing.Mapping", "collections.abc.Mapping"})
_ENUMS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum"})
_WRAPPERS = frozenset({"typing.Annotated", "typing.Final", "partita.Ref", "partita.flow.ref.Ref"})
#: What is a text on the command line, too.
_TEXTS = frozenset({"pathlib.Path", "pathlib.PurePath", "datetime.timedelta", "bytes", "decimal.Decimal", "uuid.UUID"})
_DEPTH = 6


def form_of_annotation(text: str, module: SourceModule, library: Library) -> Form | None:
    """What may be given for a parameter whose type is written so in the module; None: that cannot be told."""
    try:
        node = ast.parse(text, mode="eval").body if text else None
    except SyntaxError:
        return None
    return _Reading(library).form(node, module, 0) if node is not None else None


def default_text(text: str | None) -> str | None:
    """A default that is written so, as it would be typed; None: it cannot be told, or there is none."""
    if text is None:
        return None
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    if isinstance(node, ast.Attribute):  # Area.CENTRE
        return node.attr
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        argument = node.args[0]
        is_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        return str(argument.value) if is_text and name.endswith("Path") else None  # type: ignore[attr-defined]
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (set, tuple, frozenset)):
        value = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return None


class _Reading:
    """Follows names of types to what they are."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def form(self, node: ast.expr, module: SourceModule, depth: int) -> Form | None:
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):  # a type in quotes
                found = form_of_annotation(node.value, module, self._library)
                return found
            return {"type": "null"} if node.value is None else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union([node.left, node.right], module, depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, module, depth)
        name = self._name(node, module)
        if name in _SIMPLE:
            return {"type": _SIMPLE[name]}
        if name in _LISTS or name in ("tuple", "typing.Tuple"):
            return {"type": "list", "items": {"type": "any"}}
        if name in _TEXTS:
            return {"type": "text"}
        if name in _MAPS:
            return {"type": "map"}
        if name in ("typing.Any", "object"):
            return {"type": "any"}
        return self._own(name, module, depth)

    def _subscript(self, node: ast.Subscript, module: SourceModule, depth: int) -> Form | None:
        name = self._name(node.value, module)
        given = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in ("typing.Literal", "typing_extensions.Literal"):
            try:
                return _choices([ast.literal_eval(item) for item in given])
            except ValueError:
                return None
        if name == "typing.Optional":
            return self._union([*given, ast.Constant(None)], module, depth)
        if name == "typing.Union":
            return self._union(given, module, depth)
        if name in _WRAPPERS:
            return self.form(given[0], module, depth + 1)
        if name in _LISTS:
            items = self.form(given[0], module, depth + 1)
            return {"type": "list", "items": _inside(items)}
        if name in ("tuple", "typing.Tuple"):
            return {"type": "list", "items": {"type": "any"}}
        return {"type": "map"} if name in _MAPS else None

    def _union(self, parts: list[ast.expr], module: SourceModule, depth: int) -> Form | None:
        forms = [self.form(part, module, depth + 1) for part in parts]
        rest = [form for form in forms if form is None or form["type"] != "null"]
        is_optional = len(rest) < len(forms) or any(form is not None and form.get("is_optional") for form in rest)
        if len(rest) == 1 and rest[0] is not None:
            return {**rest[0], "is_optional": True} if is_optional else rest[0]
        if any(form is None for form in rest):
            return None
        # Whichever of them fits: that is for the worker to say.
        return {"type": "text", "is_union": True, **({"is_optional": True} if is_optional else {})}

    def _own(self, name: str, module: SourceModule, depth: int) -> Form | None:
        """A class or an alias of the project."""
        home, own = self._home(name, module)
        node = home.bindings.get(own) if home is not None else None
        if home is None or node is None:
            return None
        if isinstance(node, ast.ClassDef):
            bases = {self._name(base, home) for base in node.bases}
            if bases & _ENUMS:
                return _choices(list(_members(node)))
            names = {
                self._name(item.func if isinstance(item, ast.Call) else item, home) for item in node.decorator_list
            }
            is_record = bool(names & {"dataclasses.dataclass", "pydantic.dataclasses.dataclass"}) or bool(
                bases & {"pydantic.BaseModel", "typing.TypedDict", "typing.NamedTuple"}
            )
            return {"type": "map"} if is_record else None
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            return self.form(node.value, home, depth + 1)
        return None

    def _home(self, name: str, module: SourceModule) -> tuple[SourceModule | None, str]:
        """The module that binds a name, and the name there."""
        if "." not in name:
            return module, name
        place, _, own = name.rpartition(".")
        if place.partition(".")[0] in ("partita", "numpy", "pandas", "torch", "sklearn"):
            return None, own
        try:
            return self._library.module(place), own
        except UnreadableError:
            return None, own

    def _name(self, node: ast.expr, module: SourceModule) -> str:
        """The dotted name of where it comes from; a bare one is the module's own or built in."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        imported = module.imported(node.id)
        first = [part for part in imported if part] if imported is not None else [node.id]
        return ".".join([*first, *reversed(names)])


def _inside(form: Form | None) -> Form:
    """The form of what lies in a list."""
    return form if form is not None and form["type"] not in ("null", "map") else {"type": "any"}


def _choices(values: list[Any]) -> Form:
    is_optional = None in values
    choices = [value for value in values if value is not None]
    return {"type": "choice", "choices": choices, **({"is_optional": True} if is_optional else {})}


def _members(node: ast.ClassDef) -> list[str]:
    """The names of an enum's members."""
    return [
        target.id for item in node.body if isinstance(item, ast.Assign) for target in item.targets
        if isinstance(target, ast.Name) and not target.id.startswith("_")
    ]  # fmt: skip
