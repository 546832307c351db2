"""Warnings about a flow's body, from its source: what looks like a side effect, and `try` around a task call."""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from partita.errors import Problem
from partita.flow.definition import Definition

__all__ = ["flow_warnings"]

#: Line, message and remedy.
Finding = tuple[int, str, str]

_EFFECTS = "a layout may run more than once; do it in a task"
_VARYING = "a layout may run more than once, and would differ; make it in a task, or take it as an input"

#: Calls by their full name, or by the module that they come from (ending in a dot).
_SUSPICIOUS = {
    "requests.": ("goes to the network", _EFFECTS),
    "httpx.": ("goes to the network", _EFFECTS),
    "urllib.request.": ("goes to the network", _EFFECTS),
    "socket.": ("goes to the network", _EFFECTS),
    "smtplib.": ("goes to the network", _EFFECTS),
    "subprocess.": ("starts a program", "use command(...), which makes it a step"),
    "os.system": ("starts a program", "use command(...), which makes it a step"),
    "os.popen": ("starts a program", "use command(...), which makes it a step"),
    **{f"os.{name}": ("changes files", _EFFECTS) for name in ("remove", "unlink", "rename", "replace", "mkdir")},
    **{f"os.{name}": ("changes files", _EFFECTS) for name in ("makedirs", "rmdir", "removedirs", "chmod", "symlink")},
    "os.putenv": ("changes the environment", "use the option environment_variables="),
    "shutil.": ("changes files", _EFFECTS),
    "random.": ("is different each time", _VARYING),
    "numpy.random.": ("is different each time", _VARYING),
    "np.random.": ("is different each time", _VARYING),
    "secrets.": ("is different each time", _VARYING),
    "uuid.uuid1": ("is different each time", _VARYING),
    "uuid.uuid4": ("is different each time", _VARYING),
    "os.urandom": ("is different each time", _VARYING),
    "time.sleep": ("only makes the layout wait", "wait in a task"),
    "time.": ("is different each time", _VARYING),
    "datetime.datetime.now": ("is different each time", _VARYING),
    "datetime.datetime.today": ("is different each time", _VARYING),
    "datetime.datetime.utcnow": ("is different each time", _VARYING),
    "datetime.date.today": ("is different each time", _VARYING),
    "threading.": ("starts a thread", "tasks run in parallel without threads"),
    "concurrent.futures.": ("starts threads or processes", "tasks run in parallel without them"),
    "multiprocessing.": ("starts processes", "tasks run in parallel without them"),
    "input": ("waits for the keyboard", "take it as an input of the flow"),
}
_WRITERS = frozenset(
    {"write_text", "write_bytes", "unlink", "mkdir", "rmdir", "touch", "to_csv", "to_parquet", "to_json", "to_pickle"}
)


def flow_warnings(flow: Definition[..., Any], place: Callable[[str, int], str]) -> list[Problem]:
    """Everything that looks wrong in the bodies of the flow and of the flows that it calls.

    Args:
        place: makes "file.py:12" of a file and a line.
    """
    found: list[Problem] = []
    waiting, seen = [flow], {id(flow.function)}
    while waiting:
        function = waiting.pop().function
        findings, called = _read(function)
        for line, message, remedy in findings:
            text = f"in the body of {function.__name__}, {message}"
            found.append(Problem(text, place(function.__code__.co_filename, line), remedy, True))
        for target in called:
            if target.body == "flow" and id(target.function) not in seen:
                seen.add(id(target.function))
                waiting.append(target)
    return found


@lru_cache(256)  # a loop of deferred calls lays one flow out thousands of times
def _read(function: Callable[..., Any]) -> tuple[list[Finding], list[Definition[..., Any]]]:
    """What was found in the function's body, and the tasks and flows that it calls."""
    try:
        source, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(source)))
    except (OSError, TypeError, SyntaxError):
        # Typed into an interactive session, made by code, or written in a file that tells what it calls.
        return [], list(getattr(function, "called", ()))
    body = tree.body[0]
    if not isinstance(body, ast.FunctionDef):
        return [], []
    reader = _Reader(function)
    return [(first + line - 1, message, remedy) for line, message, remedy in reader.read(body)], reader.called


class _Reader:
    """Reads the body of one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.called: list[Definition[..., Any]] = []  # the tasks and flows that it calls
        closure = inspect.getclosurevars(function)
        self._names: dict[str, Any] = {**closure.builtins, **closure.globals, **closure.nonlocals}

    def read(self, body: ast.FunctionDef) -> Iterator[Finding]:
        """Each finding, in order of lines."""
        found: list[Finding] = []
        for statement in body.body:
            for node in ast.walk(statement):
                found += self._of(node)
        yield from sorted(dict.fromkeys(found))

    def _of(self, node: ast.AST) -> Iterator[Finding]:
        if isinstance(node, (ast.Try, ast.TryStar)):
            yield from self._of_try(node)
        elif isinstance(node, ast.Call):
            yield from self._of_call(node)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names = ", ".join(node.names)
            yield node.lineno, f"{names} outside of it is changed", "layouts run in a worker: nobody sees the change"
        elif isinstance(node, (ast.Assign, ast.Delete)) and any(_is_environment(target) for target in node.targets):
            yield node.lineno, "the environment is changed", "use the option environment_variables="

    def _of_try(self, node: ast.Try | ast.TryStar) -> Iterator[Finding]:
        if not node.handlers:
            return
        for inner in ast.walk(ast.Module(node.body, [])):
            if isinstance(inner, ast.Call) and isinstance(self._object(inner.func), Definition):
                name = ast.unparse(inner.func)
                yield (
                    node.lineno,
                    f"`try` is around the call of {name}, and catches nothing of it: the task runs later",
                    f"use settle({name}(...)), or the option fallback=",
                )
                return

    def _of_call(self, node: ast.Call) -> Iterator[Finding]:
        called = self._object(node.func)
        if isinstance(called, Definition):
            self.called.append(called)
            return
        name = self._full_name(node.func)
        if name == "open" and _opens_for_writing(node):
            yield node.lineno, "a file is opened for writing", _EFFECTS
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _WRITERS:
            yield node.lineno, f"`{ast.unparse(node.func)}(...)` changes files", _EFFECTS
        elif name:
            for suspicious, (what, remedy) in _SUSPICIOUS.items():
                if name == suspicious or (suspicious.endswith(".") and name.startswith(suspicious)):
                    yield node.lineno, f"`{ast.unparse(node.func)}(...)` {what}", remedy
                    return

    def _object(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            if node.attr in ("map", "with_options"):
                return self._object(node.value)
            return getattr(self._object(node.value), node.attr, None)
        if isinstance(node, ast.Call):
            return self._object(node.func)
        return None

    def _full_name(self, node: ast.expr) -> str:
        """The name as the module that defines it says it: `from time import sleep` is time.sleep all the same."""
        text = ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        root, _, rest = text.partition(".")
        found = self._names.get(root)
        if inspect.ismodule(found):
            root = found.__name__
        elif found is not None and found is not getattr(builtins, root, None):
            owner = getattr(found, "__self__", None)  # random.random is a method of a hidden object
            module = getattr(type(owner) if owner is not None else found, "__module__", None)
            if inspect.ismodule(owner):
                module = owner.__name__
            root = f"{module}.{getattr(found, '__name__', root)}"
        return f"{root}.{rest}" if rest else root


def _is_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("os.environ", "environ")


def _opens_for_writing(node: ast.Call) -> bool:
    mode: ast.expr | None = node.args[1] if len(node.args) > 1 else None
    mode = next((keyword.value for keyword in node.keywords if keyword.arg == "mode"), mode)
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and any(c in mode.value for c in "wax+")
