"""The option `environment=`: what may be written, and what it stands for once its files have been read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from partita.core.environment import Declaration
from partita.errors import OptionError
from partita.flow.requirement_files import RequirementFile, misfit

__all__ = ["Environment", "EnvironmentReader", "environment_option"]

_LOCK = "uv.lock"
_OLDEST = (3, 11)
_VERSION = re.compile(r"(\d+)\.(\d+)(\.\d+)?")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, init=False)
class Environment:
    """An environment of its own for a task: packages, from a list or a file, and a version of Python.

    Args:
        requirements: requirements such as "scikit-learn==1.7", or the path of a requirements file, relative to the
            project's folder.
        python: a version such as "3.12", or the absolute path of an interpreter; default: the project's own Python.
        lock: the path of a `uv.lock`, or of the folder that it lies in, relative to the project's folder.
        groups: dependency groups of the lock's project to install as well.
        extras: optional dependencies of the lock's project to install as well.

    Raises:
        OptionError: something is malformed, or requirements and a lock are given together.
    """

    requirements: tuple[str, ...] | str
    python: str
    lock: str
    groups: tuple[str, ...]
    extras: tuple[str, ...]

    def __init__(
        self,
        requirements: Iterable[str] | str = (),
        *,
        python: str = "",
        lock: str = "",
        groups: Iterable[str] = (),
        extras: Iterable[str] = (),
    ) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        put("requirements", requirements if isinstance(requirements, str) else _checked_list(requirements))
        put("python", _checked_python(python))
        put("lock", _checked_text("lock", lock, "the path of a uv.lock"))
        put("groups", _checked_names("groups", groups))
        put("extras", _checked_names("extras", extras))
        if self.lock and self.requirements:
            raise OptionError("an Environment has requirements= and lock=; give one of them")
        if (self.groups or self.extras) and not self.lock:
            raise OptionError("groups= and extras= choose from the project of a lock; give lock= too")


def environment_option(name: str, value: object) -> Environment | bool | None:
    """The value of the option; False stands for the project's own Python, None for what the flow around it says.

    Raises:
        OptionError: it cannot be an environment.
    """
    if value is None or value is False or isinstance(value, Environment):
        return value
    if isinstance(value, str) and value:
        return _from_path(value)
    if isinstance(value, (list, tuple, Mapping)):
        try:
            return _from_table(value) if isinstance(value, Mapping) else Environment(value)
        except OptionError as error:
            raise OptionError(f"{name}= is wrong: {error}") from None
    raise OptionError(
        f'{name}={value!r} is not an environment; give a list such as ["scikit-learn==1.7"], the path of a requirements '
        'file or of a uv.lock, or Environment([...], python="3.12")'
    )


def _from_table(value: Mapping[str, Any]) -> Environment:
    known = {field.name for field in fields(Environment)}
    unknown = [str(key) for key in value if key not in known]
    if unknown:
        raise OptionError(f"there is no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    return Environment(**value)


def _from_path(text: str) -> Environment:
    if text.endswith((".txt", ".in")):
        return Environment(text)
    if text.endswith(_LOCK) or "/" in text or not re.search(r"[=<>~!@\[;]", text):
        return Environment(lock=text)
    raise OptionError(
        f'environment="{text}" is not a requirements file (.txt), a uv.lock or a folder with one; '
        f'for packages give a list: environment=["{text}"]'
    )


def _checked_list(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise OptionError(f"requirements={given!r} is not a list of texts")
    lines = tuple(given)
    for line in lines:
        problem = misfit(line)
        if problem:
            raise OptionError(f"{line!r} is not a requirement: {problem}")
    return lines


def _checked_python(python: object) -> str:
    if isinstance(python, str):
        found = _VERSION.fullmatch(python)
        if found and (int(found[1]), int(found[2])) < _OLDEST:
            raise OptionError(
                f"python={python!r} is too old: Partita's workers need Python 3.11 or newer, in an environment too; for what "
                "runs on an older one only, make a task of a program: command(...)"
            )
        if found or not python or python.startswith("/"):
            return python
    raise OptionError(f'python={python!r} is not a version such as "3.12", nor the absolute path of an interpreter')


def _checked_text(name: str, value: object, expected: str) -> str:
    if isinstance(value, str):
        return value
    raise OptionError(f"{name}={value!r} is not {expected}")


def _checked_names(name: str, value: Iterable[str]) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    if all(isinstance(item, str) and _NAME.fullmatch(item) for item in names):
        return tuple(sorted(set(names)))
    raise OptionError(f"{name}={value!r} is not a list of names")


class EnvironmentReader:
    """Reads the files that environments name, once a layout.

    Args:
        folders: where relative paths are looked for, in this order; the first is the copy of the code that travels to
            workers.
        problem: is told (message, place, remedy) of what is wrong.
    """

    def __init__(self, folders: list[Path], problem: Callable[[str, str, str], None]) -> None:
        self._folders = folders
        self._problem = problem
        self._texts: dict[tuple[Environment, str], str] = {}

    def text(self, environment: Environment | bool | None, inherited: str, owner: str, place: str) -> str:
        """The declaration as text; empty: the project's own Python.

        Args:
            inherited: what holds where nothing is said.
            owner: the name of the task, and `place` where it is defined: for messages.
        """
        if environment is None:
            return inherited
        if not isinstance(environment, Environment):
            return ""
        key = (environment, owner)
        if key not in self._texts:
            declaration = self._read(environment, f"the environment of {owner}", place)
            self._texts[key] = declaration.text if declaration is not None else ""
        return self._texts[key]

    def _read(self, environment: Environment, whose: str, place: str) -> Declaration | None:
        if environment.lock:
            return self._read_lock(environment, whose, place)
        given = environment.requirements
        if not isinstance(given, str):
            return Declaration(given, python=environment.python)
        path = self._find(given)
        if path is None:
            self._problem(f"{whose} names {given}, which is not there", place, self._remedy())
            return None
        file = RequirementFile(path, given)
        for message, where in file.problems:
            self._problem(f"{whose}: {message}", where, "correct the file")
        return Declaration(
            tuple(file.requirements), tuple(file.constraints), environment.python, origin=given
        )  # fmt: skip

    def _read_lock(self, environment: Environment, whose: str, place: str) -> Declaration | None:
        given = environment.lock.rstrip("/")
        name = given if given.endswith(_LOCK) else f"{given}/{_LOCK}"
        folder = name.rpartition("/")[0] or "."
        if Path(folder).is_absolute() or ".." in Path(folder).parts:
            remedy = "keep uv.lock and pyproject.toml in a folder of the project, whose code travels to workers"
            self._problem(f"{whose} names {given}, which lies outside of the project", place, remedy)
            return None
        bundle = self._folders[0] / folder
        missing = [file for file in (_LOCK, "pyproject.toml") if not (bundle / file).is_file()]
        if missing:
            names = " and ".join(f"{folder}/{file}".removeprefix("./") for file in missing)
            self._problem(f"{whose} needs {names}, which did not travel with the code", place, self._remedy())
            return None
        from hashlib import blake2b

        digest = blake2b((bundle / _LOCK).read_bytes(), digest_size=20).hexdigest()
        return Declaration(
            python=environment.python, lock=folder, lock_digest=digest, groups=environment.groups,
            extras=environment.extras, origin=name.removeprefix("./"),
        )  # fmt: skip

    def _find(self, given: str) -> Path | None:
        for folder in self._folders:
            path = folder / given
            if path.is_file():
                return path
        return None

    def _remedy(self) -> str:
        return (
            "give a path relative to the project's folder; a file that is left out of what travels to workers is named "
            "in bundle_include"
        )
