"""What a name of a module is: a task, a flow, a class of tasks, or one of those with something bound."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from inspect import signature

from partita.flow.catalogue.docstrings import Docstring, read_docstring
from partita.flow.catalogue.modules import Library, SourceModule, UnreadableError
from partita.flow.catalogue.records import Component, ComponentParameter
from partita.flow.containers.definition import container
from partita.flow.containers.kinds import is_default

__all__ = ["components_of", "read_component"]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\w+)\}")
#: What `container(...)` takes that is no option of a task.
_OF_CONTAINERS = frozenset(
    name for name, item in signature(container).parameters.items() if item.kind is item.KEYWORD_ONLY
)
_DEPTH = 12  # how far names are followed from module to module


def components_of(module: SourceModule, library: Library) -> Iterator[Component]:
    """The tasks, flows and task classes among the public names of a module."""
    for name in module.shown:
        found = read_component(module, name, library)
        if found is not None:
            yield found


def read_component(module: SourceModule, name: str, library: Library) -> Component | None:
    """What the name is in the module; None: no component."""
    found = _Reader(library).name(module, name, 0)
    if found is None:
        return None
    return replace(found, local_name=name, reference=f"{module.name}:{name}")


class _Reader:
    """Follows names through assignments and imports."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def name(self, module: SourceModule, name: str, depth: int) -> Component | None:
        node = module.bindings.get(name)
        if node is None or depth > _DEPTH:
            return None
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self._function(module, node)
        if isinstance(node, ast.ClassDef):
            return self._class(module, node, depth)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            return self._value(module, node.value, name, depth + 1)
        imported = module.imported(name)
        if imported is not None and imported[1]:
            return self._elsewhere(*imported, depth + 1)
        return None

    def _elsewhere(self, module: str, name: str, depth: int) -> Component | None:
        try:
            found = self._library.module(module)
        except UnreadableError:
            return None
        return self.name(found, name, depth)

    def _function(self, module: SourceModule, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Component | None:
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            kind = _kind(module, call.func if call is not None else decorator)
            if kind is not None:
                return self._made(module, node, kind, call.keywords if call is not None else [])
        return None

    def _made(
        self,
        module: SourceModule,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        kind: str,
        options: list[ast.keyword],
    ) -> Component:
        told = read_docstring(ast.get_docstring(node))
        parameters = _parameters(node.args, told)
        return self._component(module, node, kind, told, parameters, _text(node.returns), options)

    def _component(
        self,
        module: SourceModule,
        node: ast.stmt | ast.expr,
        kind: str,
        told: Docstring,
        parameters: list[ComponentParameter],
        returns: str,
        options: list[ast.keyword],
    ) -> Component:
        made = Component(
            package="",
            version="",
            local_name="",
            kind=kind,
            summary=told.summary,
            description=told.description,
            parameters=tuple(parameters),
            returns=returns,
            returns_description=told.returns,
            options={},
            tags=(),
            reference="",
            place=f"{module.file.name}:{node.lineno}",
            file=str(module.file.resolve()),
            missing=tuple(dict.fromkeys(top for top in module.needed() if not self._library.has(top))),
        )
        return _with_options(made, options)

    def _class(self, module: SourceModule, node: ast.ClassDef, depth: int) -> Component | None:
        lineage = self._lineage(module, node, depth)
        if lineage is None:
            return None
        told = read_docstring(ast.get_docstring(node))
        fields: dict[str, ComponentParameter] = {}
        run: ast.FunctionDef | ast.AsyncFunctionDef | None = None
        options: list[ast.keyword] = []
        for base in reversed(lineage):
            descriptions = read_docstring(ast.get_docstring(base)).arguments
            told.arguments = descriptions | told.arguments
            options += base.keywords
            for item in base.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    if _text(item.annotation).startswith("ClassVar"):
                        continue
                    name = item.target.id
                    default = None if item.value is None else ast.unparse(item.value)
                    description = told.arguments.get(name, "")
                    fields[name] = ComponentParameter(name, _text(item.annotation), default, description, True)
                elif isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == "run":
                    run = item
        if run is None:
            return None
        called = read_docstring(ast.get_docstring(run))
        called.arguments = told.arguments | called.arguments
        parameters = _parameters(run.args, called)[1:]  # without self
        return self._component(
            module, node, "class", told, [*parameters, *fields.values()], _text(run.returns), options
        )

    def _lineage(self, module: SourceModule, node: ast.ClassDef, depth: int) -> list[ast.ClassDef] | None:
        """The class and those above it, up to TaskClass; None: that is not among them."""
        for base in node.bases:
            if _dotted(module, base) in ("partita.TaskClass", "partita.flow.task_class.TaskClass"):
                return [node]
            if not isinstance(base, ast.Name) or depth > _DEPTH:
                continue
            found = module.bindings.get(base.id)
            home = module
            imported = module.imported(base.id)
            if imported is not None and imported[1]:
                try:
                    home = self._library.module(imported[0])
                except UnreadableError:
                    continue
                found = home.bindings.get(imported[1])
            if isinstance(found, ast.ClassDef):
                above = self._lineage(home, found, depth + 1)
                if above is not None:
                    return [node, *above]
        return None

    def _value(self, module: SourceModule, node: ast.expr, name: str, depth: int) -> Component | None:
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.Name):
            return self.name(module, node.id, depth)
        if isinstance(node, ast.Attribute):
            return self._elsewhere(_dotted(module, node.value), node.attr, depth + 1)
        if not isinstance(node, ast.Call):
            return None
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("partial", "with_options", "after", "task"):
            found = self._value(module, function.value, name, depth + 1)
            if found is not None:
                return _changed(found, function.attr, node, module)
        dotted = _dotted(module, function)
        if dotted in ("partita.command", "partita.flow.command.command"):
            return self._command(module, node)
        if dotted in ("partita.container", "partita.flow.containers.definition.container"):
            return self._container(module, node)
        kind = _kind(module, function.func if isinstance(function, ast.Call) else function)
        if kind is not None and node.args and isinstance(node.args[0], ast.Name):
            target = module.bindings.get(node.args[0].id)
            if isinstance(target, (ast.FunctionDef, ast.AsyncFunctionDef)):
                options = function.keywords if isinstance(function, ast.Call) else node.keywords
                return self._made(module, target, kind, options)
        if isinstance(function, ast.Name):  # an object of a task class
            found = self.name(module, function.id, depth + 1)
            if found is not None and found.kind == "class":
                return _bound(found, node.keywords)
        return None

    def _command(self, module: SourceModule, node: ast.Call) -> Component | None:
        if not node.args:
            return None
        try:
            line = ast.literal_eval(node.args[0])
        except ValueError:
            return None
        parts = [line] if isinstance(line, str) else list(line)
        names = [found[1] for part in parts for found in _PLACEHOLDER.finditer(part) if found[1]]
        types = {}
        for keyword in node.keywords:
            if keyword.arg == "parameters" and isinstance(keyword.value, ast.Dict):
                for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                    if isinstance(key, ast.Constant):
                        types[key.value] = _text(value)
        parameters = [
            ComponentParameter(name, types.get(name, "str | int | float | Path"), None, "")
            for name in dict.fromkeys(names)
        ]
        own = ("parameters", "allowed_statuses", "folder")
        options = [keyword for keyword in node.keywords if keyword.arg not in own]
        told = Docstring(summary=f"Run `{' '.join(parts)}`.")
        return self._component(module, node, "task", told, parameters, "CommandResult", options)

    def _container(self, module: SourceModule, node: ast.Call) -> Component | None:
        given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        if "image" not in given:
            return None
        image = _text(given["image"])
        command = _text(given["command"]) if "command" in given else ""
        told = f"Run `{command.strip().partition(chr(10))[0]}` in a container of {image}." if command else ""
        outputs = _pairs(given.get("outputs"))
        returns = ", ".join(f"{name}: {_text(kind)}" for name, kind in outputs)
        returns = "None" if not outputs else _text(outputs[0][1]) if len(outputs) == 1 else f"{{{returns}}}"
        options = [keyword for keyword in node.keywords if keyword.arg not in _OF_CONTAINERS]
        docstring = Docstring(summary=told or f"Run a container of {image}.")
        parameters = [_container_input(name, kind) for name, kind in _pairs(given.get("inputs"))]
        parameters.sort(key=lambda item: item.default is not None)
        return self._component(module, node, "task", docstring, parameters, returns, options)


def _pairs(node: ast.expr | None) -> list[tuple[str, ast.expr]]:
    """The pairs of a dict that is written out."""
    if not isinstance(node, ast.Dict):
        return []
    pairs = zip(node.keys, node.values, strict=True)
    return [(key.value, value) for key, value in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)]


def _container_input(name: str, node: ast.expr) -> ComponentParameter:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return ComponentParameter(name, _text(node), None, "")
    if is_default(value):
        return ComponentParameter(name, type(value).__name__, ast.unparse(node), "")
    return ComponentParameter(name, str(value), None, "")


def _changed(found: Component, verb: str, node: ast.Call, module: SourceModule) -> Component:
    if verb == "partial":
        found = _bound(found, node.keywords)
    elif verb == "with_options":
        found = _with_options(found, node.keywords)
    elif verb == "task" and found.kind == "class":
        found = _with_options(replace(found, kind="task"), node.keywords)
    return replace(found, place=f"{module.file.name}:{node.lineno}", file=str(module.file.resolve()))


def _bound(found: Component, given: list[ast.keyword]) -> Component:
    values = {keyword.arg: ast.unparse(keyword.value) for keyword in given if keyword.arg}
    parameters = [
        replace(item, default=values[item.name], is_bound=True, is_keyword_only=True) if item.name in values else item
        for item in found.parameters
    ]
    return replace(found, parameters=tuple(sorted(parameters, key=lambda item: item.is_keyword_only)))


def _with_options(found: Component, given: list[ast.keyword]) -> Component:
    options, tags, summary, version = dict(found.options), found.tags, found.summary, found.version
    for keyword in given:
        if keyword.arg is None:
            continue
        try:
            value = ast.literal_eval(keyword.value)
        except ValueError:
            value = None
        if keyword.arg == "tags" and isinstance(value, (list, tuple)):
            tags = tuple(str(tag) for tag in value)
        elif keyword.arg == "description" and isinstance(value, str):
            summary = value
        else:
            options[keyword.arg] = ast.unparse(keyword.value)
            if keyword.arg == "version" and value is not None:
                version = str(value)
    return replace(found, options=options, tags=tags, summary=summary, version=version)


def _parameters(arguments: ast.arguments, told: Docstring) -> list[ComponentParameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += arguments.defaults
    found = [_parameter(item, default, told, False) for item, default in zip(positional, defaults, strict=True)]
    if arguments.vararg is not None:
        found.append(replace(_parameter(arguments.vararg, None, told, False), name=f"*{arguments.vararg.arg}"))
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found += [_parameter(item, default, told, True) for item, default in pairs]
    if arguments.kwarg is not None:
        found.append(replace(_parameter(arguments.kwarg, None, told, True), name=f"**{arguments.kwarg.arg}"))
    return found


def _parameter(item: ast.arg, default: ast.expr | None, told: Docstring, is_keyword: bool) -> ComponentParameter:
    written = None if default is None else ast.unparse(default)
    return ComponentParameter(item.arg, _text(item.annotation), written, told.arguments.get(item.arg, ""), is_keyword)


def _text(node: ast.expr | None) -> str:
    if node is None:
        return ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ast.unparse(node)


def _kind(module: SourceModule, node: ast.expr) -> str | None:
    """ "task" or "flow", where the expression is Partita's own decorator."""
    dotted = _dotted(module, node)
    last = dotted.rpartition(".")[2]
    return last if dotted.partition(".")[0] == "partita" and last in ("task", "flow") else None


def _dotted(module: SourceModule, node: ast.expr) -> str:
    """What a.b.c is by the module's imports: "partita.task"; empty where it is not imported."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    imported = module.imported(node.id) if isinstance(node, ast.Name) else None
    if imported is None:
        return ""
    return ".".join([*(part for part in imported if part), *reversed(names)])
