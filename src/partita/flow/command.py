"""Command tasks: a program instead of a function, with its output and exit status as the result."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Any

from partita.errors import DefinitionError, PartitaError
from partita.flow.options import TASK_OPTIONS, make_options
from partita.flow.task import Task

__all__ = ["CommandError", "CommandResult", "command"]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a program did."""

    exit_status: int  # below 0: the number of the signal that ended it
    stdout: str
    stderr: str
    command: str  # as it was run


class CommandError(PartitaError):
    """A program ended with an exit status that is not allowed."""

    def __init__(self, message: str, result: CommandResult | None = None) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return (CommandError, (str(self), self.result))


class _Program:
    """The function of a command task."""

    def __init__(
        self,
        parts: str | tuple[str, ...],
        parameters: Mapping[str, Any],
        allowed_statuses: frozenset[int],
        folder: str | None,
        name: str,
        module: str,
    ) -> None:
        self.parts = parts  # a text for a shell, or a list of arguments
        self.allowed_statuses = allowed_statuses
        self.folder = folder
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.__doc__ = f"Run `{parts if isinstance(parts, str) else shlex.join(parts)}`."
        names = _placeholders(parts)
        kinds = {name: parameters.get(name, str | int | float | Path) for name in names}
        self.__annotations__ = {**kinds, "return": CommandResult}
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kinds[n]) for n in names],
            return_annotation=CommandResult,
        )

    def fingerprint(self) -> str:
        """Hash of what is run: the program's own code is not looked at."""
        told = repr((self.parts, sorted(self.allowed_statuses), self.folder))
        return blake2b(told.encode(), digest_size=32).hexdigest()

    def __call__(self, *args: Any, **keywords: Any) -> CommandResult:
        bound = self.__signature__.bind(*args, **keywords)
        return _run(self._line(bound.arguments), self.allowed_statuses, self.folder)

    def _line(self, values: Mapping[str, Any]) -> str | list[str]:
        if isinstance(self.parts, str):
            return _filled(self.parts, {name: _quoted(value) for name, value in values.items()})
        line: list[str] = []
        for part in self.parts:
            alone = _PLACEHOLDER.fullmatch(part)
            if alone and alone[1] and isinstance(values[alone[1]], (list, tuple)):
                line += [_text(item) for item in values[alone[1]]]
            else:
                line.append(_filled(part, {name: _text(value) for name, value in values.items() if _is_in(name, part)}))
        return line


def _is_in(name: str, part: str) -> bool:
    return any(found[1] == name for found in _PLACEHOLDER.finditer(part))


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple, dict)):
        raise TypeError(f"{value!r} cannot stand inside one argument of a command; give a text, number or path")
    return str(value.value if isinstance(value, Enum) else value)


def _quoted(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(shlex.quote(_text(item)) for item in value)
    return shlex.quote(_text(value))


def _filled(template: str, texts: Mapping[str, str]) -> str:
    def replacement(found: re.Match[str]) -> str:
        return texts[found[1]] if found[1] is not None else found[0][0]

    return _PLACEHOLDER.sub(replacement, template)


def _placeholders(parts: str | tuple[str, ...]) -> list[str]:
    names: dict[str, None] = {}
    for part in (parts,) if isinstance(parts, str) else parts:
        for found in _PLACEHOLDER.finditer(part):
            if found[1] is not None:
                if not found[1].isidentifier():
                    raise DefinitionError(
                        f"command {parts!r}: {{{found[1]}}} is not a parameter's name; "
                        f"write {{name}}, and {{{{ and }}}} for braces that the program gets"
                    )
                names[found[1]] = None
    return list(names)


def command(
    line: str | Sequence[str],
    /,
    *,
    parameters: Mapping[str, Any] | None = None,
    allowed_statuses: Iterable[int] = (0,),
    folder: str | None = None,
    **options: Any,
) -> Task[..., CommandResult]:
    """A task that runs a program: `prepare = command("python prep.py {path}")`, then `prepare(path="a.csv")`.

    Each `{name}` becomes a parameter. In a text, which a shell runs, values are quoted; a list of arguments is run
    without a shell. The program's output is also the attempt's log.

    Args:
        line: the command, as a text for a shell or a list of arguments.
        parameters: types of the parameters; default: a text, number or path.
        allowed_statuses: exit statuses that are no failure.
        folder: the working directory; default: that of the attempt.
        options: as for `task`.

    Raises:
        DefinitionError: the line is empty or has a placeholder that is not a name.
        OptionError: an option is unknown or has a value that it cannot have.
    """
    parts = line if isinstance(line, str) else tuple(line)
    words = parts.split() if isinstance(parts, str) else parts
    if not words or not all(isinstance(word, str) for word in words):
        raise DefinitionError(f"command({line!r}) names no program; give a text, or a list of texts")
    unknown = [name for name in parameters or {} if name not in _placeholders(parts)]
    if unknown:
        raise DefinitionError(f"command {line!r} has no {{{unknown[0]}}}, but its parameters name it")
    name = str(options.pop("name", None) or re.sub(r"\W+", "_", Path(words[0]).name).strip("_") or "command")
    module = sys._getframe(1).f_globals.get("__name__", "__main__")
    program = _Program(parts, parameters or {}, frozenset(allowed_statuses), folder, name, module)
    return Task(program, make_options(options, f"command {name}", TASK_OPTIONS))


def _run(line: str | list[str], allowed_statuses: frozenset[int], folder: str | None) -> CommandResult:
    from partita.flow.programs import run_program

    shown = line if isinstance(line, str) else shlex.join(line)
    status, stdout, stderr = run_program(line, folder)
    result = CommandResult(status, stdout, stderr, shown)
    if status not in allowed_statuses:
        ending = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
        last = (stderr.strip() or stdout.strip())[-2000:]
        raise CommandError(f"`{shown}` {ending}" + (f":\n{last}" if last else ""), result)
    return result
