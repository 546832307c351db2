"""What source code says: definitions found in their files, freed of layout, and what they mention."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

__all__ = ["Mentions", "ModuleSource", "mentions", "normalised"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda

#: Built-in functions by which code reaches what its text does not name.
_DYNAMIC = frozenset({"__import__", "eval", "exec", "globals"})


@dataclass(slots=True)
class Mentions:
    """What a definition names."""

    chains: set[tuple[str, ...]] = field(default_factory=set)  # a.b.c as ("a", "b", "c"), where a is no local variable
    imports: list[tuple[str, int, str | None, str]] = field(default_factory=list)  # module, level, name, local name
    is_dynamic: bool = False  # it reaches what its text does not name


class ModuleSource:
    """The definitions of one file."""

    def __init__(self, path: str, text: str | None = None) -> None:
        """
        Args:
            text: what it says, where it is no file but a cell of a notebook.

        Raises:
            OSError, SyntaxError, ValueError: it cannot be read as Python.
        """
        self.tree = ast.parse(Path(path).read_bytes() if text is None else text, path)
        self._functions: dict[tuple[int, str], list[Definition]] = {}
        self._classes: dict[str, list[Definition]] = {}
        self._index(self.tree, "")

    def function(self, code: CodeType) -> list[Definition]:
        """The definitions that the code can come from: several lambdas may stand in one line."""
        return self._functions.get((code.co_firstlineno, code.co_name), [])

    def named_class(self, name: str) -> list[Definition]:
        """The definitions of the class: several may stand in the branches of an `if`."""
        return self._classes.get(name, [])

    def bindings(self, name: str) -> list[ast.stmt]:
        """The module's statements that bind the name or change what it holds."""
        return [statement for statement in _outer_statements(self.tree.body) if name in _bound(statement)]

    def _index(self, node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                line = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                self._functions.setdefault((line, child.name), []).append(child)
                inner = f"{prefix}{child.name}.<locals>."
            elif isinstance(child, ast.ClassDef):
                self._classes.setdefault(prefix + child.name, []).append(child)
                inner = f"{prefix}{child.name}."
            elif isinstance(child, ast.Lambda):
                self._functions.setdefault((child.lineno, "<lambda>"), []).append(child)
                inner = f"{prefix}<lambda>.<locals>."
            self._index(child, inner)


def normalised(node: ast.AST, dropped: tuple[ast.expr, ...] = ()) -> str:
    """The node as text without comments, formatting, docstrings and the dropped decorators."""
    return ast.dump(_Bare(dropped).visit(_copy(node)), annotate_fields=False)


def mentions(node: ast.AST, dropped: tuple[ast.expr, ...] = ()) -> Mentions:
    """What the node names, but for its own local variables."""
    bare = _Bare(dropped).visit(_copy(node))
    reader = _Reader()
    reader.visit(bare)
    found, outer = reader.found, _outer_names(bare)
    if outer is not None:
        outer.update(local for _, _, _, local in found.imports)
        found.chains = {chain for chain in found.chains if chain[0] in outer}
    found.is_dynamic = found.is_dynamic or any(chain[0] in _DYNAMIC for chain in found.chains if len(chain) == 1)
    return found


def _copy(node: ast.AST) -> ast.AST:
    from copy import deepcopy

    return deepcopy(node)


class _Bare(ast.NodeTransformer):
    """Takes off docstrings and decorators."""

    def __init__(self, dropped: tuple[ast.expr, ...]) -> None:
        self._dropped = {ast.dump(expression) for expression in dropped}

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.decorator_list = [item for item in node.decorator_list if ast.dump(item) not in self._dropped]
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.copy_location(ast.Pass(), first)]
        self.generic_visit(node)
        return node


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found = Mentions()

    def visit_Name(self, node: ast.Name) -> None:
        self.found.chains.add((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        names: list[str] = []
        current: ast.expr = node
        while isinstance(current, ast.Attribute):
            names.append(current.attr)
            current = current.value
        if isinstance(current, ast.Name):
            self.found.chains.add((current.id, *reversed(names)))
        else:
            self.visit(current)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "getattr" and not (len(node.args) > 1 and isinstance(node.args[1], ast.Constant)):
            self.found.is_dynamic = True
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for item in node.names:
            # `import a.b` binds a; `import a.b as c` binds b.
            module = item.name if item.asname else item.name.partition(".")[0]
            self.found.imports.append((module, 0, None, item.asname or module))
            if not item.asname:
                self.found.imports.append((item.name, 0, None, ""))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for item in node.names:
            self.found.imports.append((node.module or "", node.level, item.name, item.asname or item.name))

    def visit_arg(self, node: ast.arg) -> None:
        if node.annotation is not None:
            self._annotation(node.annotation)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.returns is not None:
            self._annotation(node.returns)
        self.generic_visit(node)

    def _annotation(self, node: ast.expr) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    self.visit(ast.parse(part.value, mode="eval"))
                except SyntaxError:
                    continue  # the text of a Literal
        self.visit(node)


def _outer_names(node: ast.AST) -> set[str] | None:
    """Names that the node takes from outside; None where that cannot be told."""
    try:
        if isinstance(node, ast.expr):
            code = compile(ast.Expression(node), "<outer>", "eval", dont_inherit=True)
        else:
            assert isinstance(node, ast.stmt)
            code = compile(ast.Module([node], []), "<outer>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    names: set[str] = set()
    pending = [code]
    while pending:
        current = pending.pop()
        names.update(current.co_names)
        pending.extend(constant for constant in current.co_consts if isinstance(constant, CodeType))
    texts = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    for text in texts:  # annotations may be texts
        if len(text) < 200:
            names.update(
                word for word in text.replace("[", " ").replace(",", " ").replace("]", " ").replace(".", " ").split()
            )
    return names


def _outer_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """A module's statements, those in its branches too."""
    for statement in body:
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for part in ast.iter_child_nodes(statement):
                if isinstance(part, ast.stmt):
                    yield from _outer_statements([part])


def _bound(statement: ast.stmt) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        targets = [statement.value.func]  # name.append(...)
    names: set[str] = set()
    for target in targets:
        names.update(part.id for part in ast.walk(target) if isinstance(part, ast.Name))
    return names
