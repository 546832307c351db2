"""The rules by which the package is built, read from its source: who may import whom, and what a module looks like."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import partita
from partita.core.states import State
from partita.protocol.requests import STATES

ROOT = Path(partita.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

#: From the bottom up. A folder (or a module beside them) imports only from the levels below its own.
LEVELS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "errors",
            "clock",
            "log_lines",
            "units",
            "choices",
            "version",
            "values",
            "settings",
            "settings_kubernetes",
            "settings_publishing",
            "settings_ray",
            "settings_sign_in",
            "settings_retention",
            "settings_tables",
            "settings_values",
        }
    ),
    frozenset({"core", "protocol"}),
    frozenset({"drawing"}),
    frozenset({"flow", "plan", "store", "artifacts", "executors", "tracing"}),
    frozenset({"worker", "engine", "components"}),
    frozenset({"models", "watch"}),
    frozenset({"compose", "publishing"}),
    frozenset({"data"}),
    frozenset({"tune"}),
    frozenset({"workspace", "auth"}),
    frozenset({"views"}),
    frozenset({"testing", "api", "client"}),
    frozenset({"web"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
    frozenset({"partita"}),  # the public face, partita/__init__.py
)
LEVEL_OF = {name: number for number, names in enumerate(LEVELS) for name in names}

#: The modules at the bottom in the order in which they may know each other.
BOTTOM = (
    "version", "errors", "clock", "log_lines", "values", "units", "choices", "settings_tables", "settings_kubernetes",
    "settings_ray", "settings_publishing", "settings_retention", "settings_sign_in", "settings_values", "settings",
)  # fmt: skip

#: A folder -> what it must never import, though its level would allow it, or though it is no part of Partita.
FORBIDDEN = {
    "core": frozenset({
        "os", "time", "datetime", "random", "secrets", "io", "pathlib", "shutil", "tempfile", "sqlite3", "socket",
        "subprocess", "threading", "multiprocessing", "asyncio", "logging",
    }),
    "worker": frozenset({"partita.store", "sqlite3"}),
    "engine": frozenset({"partita.flow", "pickle", "cloudpickle"}),
    "store": frozenset({"partita.flow", "pickle", "cloudpickle"}),
}  # fmt: skip
FORBIDDEN["plan"] = FORBIDDEN["core"]

#: All of Partita that the command line may know, itself included.
KNOWN_TO_CLI = (
    "partita.workspace", "partita.settings", "partita.errors", "partita.protocol.requests", "partita.protocol.artifacts",
    "partita.protocol.access", "partita.protocol.actions", "partita.protocol.advice", "partita.protocol.models",
    "partita.protocol.paths", "partita.protocol.plans", "partita.protocol.publications", "partita.protocol.retention",
    "partita.protocol.secrets", "partita.protocol.studies", "partita.protocol.waits",
    "partita.values", "partita.units", "partita.version", "partita.drawing", "partita.cli",
    "partita.web.serving", "partita.client",
)  # fmt: skip

LINES_AT_MOST = 450


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), str(module))


def room_of(module: Path) -> str:
    """The folder of the package that a module lies in; its own name beside the folders; "partita" for the face."""
    parts = module.relative_to(ROOT).with_suffix("").parts
    return "partita" if parts == ("__init__",) else parts[0]


@cache
def imports_of(module: Path) -> tuple[tuple[int, str], ...]:
    """(line, dotted name) of every import: at the top, under TYPE_CHECKING and in functions alike."""
    return tuple(_imports(tree_of(module), module))


def _imports(tree: ast.Module, module: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno}: a relative import hides where it goes; write partita..."
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module"):
            yield node.lineno, _text_of(node.args[0])


def _text_of(node: ast.expr) -> str:
    """The text of a constant, or the constant beginning of an f-string: "partita.cli." of f"partita.cli.{name}"."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]  # type: ignore[assignment]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def is_from(name: str, origin: str) -> bool:
    return name == origin or name.startswith(origin + ".")


def room_of_import(name: str) -> str:
    """The room that an imported name of Partita comes from: `from partita import errors` means the module."""
    first = name.split(".")[1] if "." in name else ""
    return first if first in LEVEL_OF else "partita"


def everywhere(*rooms: str) -> Iterator[tuple[Path, str, int, str]]:
    """(module, its room, line, dotted name) of every import in these rooms, or in all."""
    for module in MODULES:
        room = room_of(module)
        if not rooms or room in rooms:
            for line, name in imports_of(module):
                yield module, room, line, name


def told(module: Path, line: int, name: str) -> str:
    return f"{module.relative_to(ROOT.parent)}:{line} imports {name}"


def test_every_room_has_a_level() -> None:
    assert {room_of(module) for module in MODULES} == set(LEVEL_OF)


def test_imports_only_go_down() -> None:
    wrong = [
        told(module, line, name)
        for module, own, line, name in everywhere()
        if is_from(name, "partita") and not goes_down(own, room_of_import(name))
    ]
    assert not wrong, "\n".join(wrong)


def goes_down(own: str, other: str) -> bool:
    if own in BOTTOM and other in BOTTOM:
        return BOTTOM.index(other) <= BOTTOM.index(own)
    return other == own or LEVEL_OF[other] < LEVEL_OF[own]


@pytest.mark.parametrize("room", FORBIDDEN)
def test_nothing_forbidden_is_imported(room: str) -> None:
    wrong = [
        told(module, line, name)
        for module, _, line, name in everywhere(room)
        if any(is_from(name, forbidden) for forbidden in FORBIDDEN[room])
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", ["core", "plan"])
def test_what_is_pure_opens_no_file(room: str) -> None:
    wrong = [
        f"{module.relative_to(ROOT.parent)}:{node.lineno}: {node.func.id}(...)"
        for module in MODULES
        if room_of(module) == room
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("open", "print", "input")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_command_line_knows_the_workspace_only() -> None:
    wrong = [
        told(module, line, name)
        for module, _, line, name in everywhere("cli")
        if is_from(name, "partita") and not any(is_from(name, known) for known in KNOWN_TO_CLI)
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_composition_root_names_concrete_parts() -> None:
    """Who names a concrete store or executor cannot be given another one."""
    rooms = [name for name in LEVEL_OF if name not in ("workspace", "testing", "store", "executors")]
    wrong = [
        told(module, line, name)
        for module, _, line, name in everywhere(*rooms)
        if (is_from(name, "partita.store.sqlite") or is_from(name, "partita.executors.process"))
        and module != ROOT / "worker" / "agent" / "composition.py"
    ]
    assert not wrong, "\n".join(wrong)


def test_a_module_is_of_a_size_that_can_be_read() -> None:
    sizes = {module.relative_to(ROOT): len(module.read_text("utf-8").splitlines()) for module in MODULES}
    wrong = [f"{module}: {lines} lines; split it by noun" for module, lines in sizes.items() if lines > LINES_AT_MOST]
    assert not wrong, "\n".join(wrong)


def test_a_module_says_what_it_is_and_what_it_shows() -> None:
    wrong = []
    for module in MODULES:
        tree, name = tree_of(module), module.relative_to(ROOT)
        if not ast.get_docstring(tree):
            wrong.append(f"{name}: its first line says what it is")
        shown = _shown(tree)
        is_mere_folder = module.name == "__init__.py" and len(tree.body) == 1
        if shown is None and not is_mere_folder:
            wrong.append(f"{name}: has no __all__")
        wrong += [f"{name}: shows {missing}, which it has not" for missing in set(shown or ()) - _names(tree)]
    assert not wrong, "\n".join(wrong)


def test_the_protocol_names_the_states_of_the_core() -> None:
    """They lie side by side, so neither can take them from the other."""
    assert tuple(state.name.lower() for state in State) == STATES


def test_nothing_is_left_to_be_done() -> None:
    words = ("TODO", "FIXME", "XXX")
    assert not [module for module in MODULES for word in words if word in module.read_text(encoding="utf-8")]


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"util", "helper", "common", "base", "manager", "pipeline", "operator", "job"}
    words = {module: {word.rstrip("s") for word in module.stem.split("_")} for module in MODULES}
    assert not [module for module in MODULES if words[module] & empty]


def _names(tree: ast.Module) -> set[str]:
    """What a module defines or imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(alias.asname or alias.name for alias in node.names)
    return found


def _shown(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return None
