"""Finding a function again: the reference of a function, and the function of a reference.

A reference is "package.module:qualified.name", or "folder/file.py:qualified.name" relative to the project for what is
not importable by name. Such a file is loaded under a module name of its own, so that its
`if __name__ == "__main__":` part does not run. "notebook:name" is what was typed into a session: its definitions travel
in the bundle.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from partita.errors import DefinitionError, LoadError
from partita.values import NOTEBOOK

__all__ = [
    "allow_local_functions", "load", "locate", "noting_typed", "project_folder", "set_notebook", "set_project",
]  # fmt: skip

_project: Path | None = None
_local: dict[str, Any] | None = None
_stays_here = False
_notebook: Callable[[], ModuleType] | None = None
_typed: set[str] | None = None
_FILE = "__partita_file__"  # in a module loaded from a file: its path relative to the project
_SCRIPT = "partita_script_"


def set_project(folder: Path | None) -> None:
    """Say which folder references to files are relative to; in a worker, the bundle's folder."""
    global _project
    _project = None if folder is None else folder.resolve()


def set_notebook(opener: Callable[[], ModuleType] | None) -> None:
    """Say who gives the module of a session whose definitions are in this worker's bundle; None: there is none."""
    global _notebook
    _notebook = opener


@contextmanager
def noting_typed() -> Iterator[set[str]]:
    """Gather the names of what was typed into this session and is referred to meanwhile."""
    global _typed
    before, _typed = _typed, set()
    try:
        yield _typed
    finally:
        _typed = before


@contextmanager
def allow_local_functions(*, stays_here: bool = False) -> Iterator[None]:
    """Give references to functions inside functions too, which only this process can load: for in-memory runs.

    Args:
        stays_here: only this process will load anything, so that modules go by the names that they have in it, and a
            script or a file of tests does not become a second module.
    """
    global _local, _stays_here
    before = _local, _stays_here
    _local, _stays_here = {} if _local is None else _local, stays_here
    try:
        yield
    finally:
        _local, _stays_here = before


def locate(function: Any, definition: Any = None) -> str:
    """The reference of a function, or of the task or flow `definition` made from it.

    Raises:
        DefinitionError: no worker could find it.
    """
    name = getattr(function, "__qualname__", "")
    file = getattr(function, "source_file", None)  # of what stands in a YAML file
    if file is not None:
        return f"{file if _stays_here else _file_reference(str(file), str(project_folder()))}:{name}"
    module = sys.modules.get(function.__module__)
    found = _resolve(module, name)
    if found is not function and found is not definition and getattr(found, "function", None) is not function:
        name = _global_name(module, function, definition) or name
        found = _resolve(module, name)
    if found is None or module is None or "<" in name:
        return _local_reference(function, definition)
    place = NOTEBOOK if _is_typed(module, function) else _module_reference(module)
    if place == NOTEBOOK and _typed is not None:
        _typed.add(name)
    return f"{place}:{name}"


def _is_typed(module: ModuleType, item: Any) -> bool:
    """Whether it was typed into a session: a notebook, a console, `python -c`."""
    if _stays_here or module.__name__ != "__main__" or getattr(module, "__spec__", None) is not None:
        return False
    file = getattr(module, "__file__", None)
    code = getattr(inspect.unwrap(item), "__code__", None) if callable(item) else None
    return file is None or file.startswith("<") or (code is not None and code.co_filename.startswith("<stdin"))


def _resolve(module: ModuleType | None, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _global_name(module: ModuleType | None, function: Any, definition: Any) -> str | None:
    for name, value in list(vars(module).items()) if module is not None else ():
        if (value is definition and value is not None) or value is function:
            return name
    for name, value in list(vars(module).items()) if module is not None else ():
        if getattr(value, "function", None) is function:
            return name
    return None


def _local_reference(function: Any, definition: Any) -> str:
    name = getattr(function, "__qualname__", repr(function))
    if _local is not None:
        reference = f"local:{id(function)}:{name}"
        _local[reference] = definition if definition is not None else function
        return reference
    inside = name.split(".<locals>")[0] if "<locals>" in name else ""
    where = f"inside {inside}()" if inside else f"in {function.__module__}, without a name of its own there"
    raise DefinitionError(
        f"{name.split('.')[-1]} is defined {where}, where a worker cannot find it; "
        f"move it to the top of a module, and pass it what it needs as arguments"
    )


def _module_reference(module: ModuleType) -> str:
    if _stays_here:
        return module.__name__
    relative = getattr(module, _FILE, None)
    if relative is not None:
        return str(relative)
    file = getattr(module, "__file__", None)
    name = module.__name__
    if name == "__main__":
        specification = getattr(module, "__spec__", None)
        if specification is not None and specification.name:
            return str(specification.name)
        return _file_reference(str(file), str(project_folder()))
    if file is None or _project is None:
        return name
    return _reference_in_project(name, file, str(_project))


def project_folder() -> Path:
    """The folder that references to files are relative to."""
    return _project if _project is not None else Path.cwd().resolve()


# Each layout asks for the references of its tasks, and paths are slow.
@lru_cache(1024)
def _reference_in_project(name: str, given: str, folder: str) -> str:
    file, project = Path(given).resolve(), Path(folder)
    if name == NOTEBOOK and file.is_relative_to(project):
        return file.relative_to(project).as_posix()  # its name as a module would mean a session
    if not file.is_relative_to(project) or "site-packages" in file.parts:
        return name
    stem = file.parent if file.name == "__init__.py" else file.with_suffix("")
    for root in (project, project / "src"):
        if stem.is_relative_to(root) and ".".join(stem.relative_to(root).parts) == name:
            return name
    return file.relative_to(project).as_posix()


@lru_cache(64)
def _file_reference(given: str, folder: str) -> str:
    file, project = Path(given).resolve(), Path(folder)
    if file.is_relative_to(project):
        return file.relative_to(project).as_posix()
    raise DefinitionError(
        f"{file.name} lies outside the project's folder {project}, so its functions cannot travel to a worker; "
        f"move the file into the project, or start from its own folder"
    )


def load(reference: str, folder: Path | None = None) -> Any:
    """The task, flow or function that the reference names.

    Args:
        reference: as `locate` gave it.
        folder: the bundle's folder (its root and `src` are put on the import path); default: what `set_project` said.

    Raises:
        LoadError: it cannot be found or imported.
    """
    if reference.startswith("local:"):
        return _load_local(reference)
    module_name, _, name = reference.partition(":")
    if not name:
        raise LoadError(f'{reference!r} is not a reference; write "package.module:name" or "folder/file.py:name"')
    folder = folder if folder is not None else _project
    if module_name.endswith((".yaml", ".yml")):
        from partita.flow.yaml.loading import load_part

        return load_part(module_name, name, folder if folder is not None else Path.cwd())
    typed = _session() if module_name == NOTEBOOK else None
    if typed is not None:
        module = typed
    elif module_name.endswith(".py"):
        module = _load_file(module_name, folder if folder is not None else Path.cwd(), reference)
    else:
        module = _import(module_name, folder, reference)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise LoadError(_missing(module, module_name, name))
        found = getattr(found, part)
    return found


def _session() -> ModuleType | None:
    """The module of the session: that of the bundle in a worker, elsewhere this process's own."""
    if _notebook is not None:
        return _notebook()
    main = sys.modules.get("__main__")
    return main if main is not None and getattr(main, "__spec__", None) is None else None


def _load_local(reference: str) -> Any:
    if _local is None or reference not in _local:
        raise LoadError(f"{reference} was defined inside a function of another process; move it to a module's top")
    return _local[reference]


def _missing(module: ModuleType, module_name: str, name: str) -> str:
    near = difflib.get_close_matches(name, [n for n in vars(module) if not n.startswith("_")], 1)
    hint = f"did you mean {near[0]!r}?" if near else "was it renamed or removed since the run was started?"
    return f"{module_name} has no {name!r}; {hint}"


def _extend_path(folder: Path) -> None:
    for root in (str(folder / "src"), str(folder)):
        if root not in sys.path and Path(root).is_dir():
            sys.path.insert(0, root)


def _import(name: str, folder: Path | None, reference: str) -> ModuleType:
    if folder is not None:
        _extend_path(folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise LoadError(
                f"there is no module {error.name!r} for {reference}; it must lie in the project's folder or its src/, "
                f"or be installed in the environment of the worker ({sys.executable})"
            ) from error
        raise LoadError(_failed_import(name, error)) from error
    except (Exception, SystemExit) as error:
        raise LoadError(_failed_import(name, error)) from error


def _failed_import(name: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{name} imports {error.name!r}, which is not installed in the environment of the worker; install it"
    return f"importing {name} failed: {type(error).__name__}: {error}"


def _load_file(relative: str, folder: Path, reference: str) -> ModuleType:
    file = folder / relative
    name = _SCRIPT + re.sub(r"\W", "_", Path(relative).with_suffix("").as_posix())
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(file):
        return loaded
    if not file.is_file():
        raise LoadError(f"there is no file {relative} in the project's folder {folder}; {reference} lies in it")
    _extend_path(folder)
    if str(file.parent) not in sys.path:
        sys.path.insert(1, str(file.parent))  # as Python does for a script: it imports its neighbours
    specification = importlib.util.spec_from_file_location(name, file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    setattr(module, _FILE, relative)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise LoadError(_failed_import(relative, error)) from error
    return module
