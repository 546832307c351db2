"""`container(...)`: a task of an image and a command."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypedDict

from partita.errors import DefinitionError, LoadError
from partita.flow.containers.declaration import ContainerDeclaration, check_declaration
from partita.flow.containers.kinds import input_kind, is_default, output_kind, type_of
from partita.flow.containers.runner import container_runner
from partita.flow.options import TASK_OPTIONS, make_options
from partita.flow.task import Task
from partita.flow.types import type_name
from partita.flow.values import check_value

__all__ = ["ContainerFunction", "container"]

_PARAMETER = inspect.Parameter.POSITIONAL_OR_KEYWORD


class ContainerFunction:
    """The function of a container task."""

    runs_container = True

    def __init__(
        self,
        declaration: ContainerDeclaration,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        defaults: Mapping[str, Any],
        name: str,
        module: str,
        place: str = "",
    ) -> None:
        """
        Args:
            inputs: name -> type; those with a default come last.
            outputs: name -> type.
        """
        self.declaration = declaration
        self.outputs = dict(outputs)
        self.place = place
        self._made_of = (dict(inputs), dict(outputs), dict(defaults))
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.__doc__ = f"Run `{_shown(declaration)}` in a container of {declaration.image}."
        returns = _returns(name, outputs)
        self.__annotations__ = {**inputs, "return": returns}
        missing = inspect.Parameter.empty
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(n, _PARAMETER, annotation=k, default=defaults.get(n, missing))
                for n, k in inputs.items()
            ],
            return_annotation=returns,
        )

    def fingerprint(self) -> str:
        """Hash of what is declared; neither the image nor the machine is looked at."""
        types = sorted((name, type_name(kind)) for name, kind in self.outputs.items())
        return blake2b(f"{self.declaration.fingerprint()}{types}".encode(), digest_size=32).hexdigest()

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        bound = self.__signature__.bind(*args, **keywords)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            misfit = check_value(value, self.__annotations__[name])
            if misfit:
                raise TypeError(f"{self.__name__}'s input {name} got {misfit}")
        found = container_runner()(self.declaration, bound.arguments, self.outputs)
        if len(self.outputs) == 1:
            return next(iter(found.values()))
        return found or None

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.declaration, *self._made_of, self.__name__, self.__module__, self.place)
        kept = {name: self.__dict__[name] for name in ("__qualname__", "source_file") if name in self.__dict__}
        return (_remade, parts, kept)


def _remade(*parts: Any) -> ContainerFunction:
    return ContainerFunction(*parts)


def _returns(name: str, outputs: Mapping[str, Any]) -> Any:
    if not outputs:
        return None
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    make: Any = TypedDict
    return make(f"{name}_outputs", dict(outputs))


def _shown(declaration: ContainerDeclaration) -> str:
    """The command as it is declared, without the shell that runs a line."""
    words = declaration.words
    shown = words[2] if words[:2] == ("/bin/sh", "-c") else " ".join(words)
    return shown.strip().partition("\n")[0] or "the image's own command"


def container(
    name: str,
    *,
    image: str,
    command: str | Sequence[str] | None = None,
    arguments: Sequence[str] = (),
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    file_names: Mapping[str, str] | None = None,
    network: str = "",
    user: str = "",
    folder: str = "",
    mounts: Iterable[str] = (),
    pull: str = "missing",
    allowed_statuses: Iterable[int] = (0,),
    **options: Any,
) -> Task[..., Any]:
    """A task that runs a command in a container of its own, which needs no Python in it.

    `{inputs.name}` in the command stands for a value, or for the path of a file; `{outputs.name}` for the path at which
    the command has to write. The steps of the task are called with the inputs by name or in their order.

    Args:
        name: of the task; also of the variable that holds it, so that workers find it.
        image: such as "alpine:3.20", or "alpine@sha256:..." for one that is the same for ever.
        command: a list of words, which no shell sees, instead of the image's entrypoint; or a text, which `/bin/sh` in
            the image runs, and in which texts go in so that they cannot be read as commands. None: the image's own.
        arguments: further words, behind the command or the image's entrypoint.
        inputs: name -> `File`, `Folder`, `str`, `int`, `float`, `bool`, a list of these (but folders), or a default value.
        outputs: name -> `File`, `Folder` or `str` for what stands in the file; any other type for what stands there as
            JSON. The name "stdout" stands for what the command prints. One output is the step's value itself, several
            are a dict: `counted["lines"]`.
        file_names: name of an output -> name of its file, where programs go by its ending: `{"plot": "plot.png"}`.
        network: as `docker run --network` takes it, such as "none"; default: Docker's own.
        user: "1000:1000" or a name; "image": that of the image. Default: who runs the engine, who then owns the files.
        folder: the working directory in the container; default: that of the image.
        mounts: further folders, "/data:/data:ro".
        pull: when the image is fetched: "missing", "always" or "never".
        allowed_statuses: exit statuses that are no failure.
        options: as for `task`. `cpu`, `memory` and `gpu` limit the container; `environment_variables` and `secrets` are
            set in it.

    Raises:
        DefinitionError: something is declared that no container can be made of.
        OptionError: an option is unknown or has a value that it cannot have.
    """
    frame = sys._getframe(1)
    place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
    if not isinstance(name, str) or not name.isidentifier():
        raise DefinitionError(f'container({name!r}) has no name that a variable can have; give one such as "count"')
    if options.get("environment"):
        raise DefinitionError(f"container {name} has what is in its image; leave out environment=")
    try:
        given, defaults = _inputs(inputs or {})
        produced = {output: _type(output, kind) for output, kind in (outputs or {}).items()}
        declaration = ContainerDeclaration(
            image=image,
            command=_words(command),
            arguments=_listed("arguments", arguments),
            inputs=tuple((n, input_kind(kind) or "") for n, kind in given.items()),
            outputs=tuple((n, output_kind(kind)) for n, kind in produced.items()),
            file_names=tuple(sorted((file_names or {}).items())),
            network=network,
            user=user,
            folder=folder,
            mounts=_listed("mounts", mounts),
            pull=pull,
            allowed_statuses=tuple(sorted(set(allowed_statuses))),
        )
        check_declaration(declaration)
    except DefinitionError as error:
        raise DefinitionError(f"container {name}: {error}") from None
    function = ContainerFunction(
        declaration, given, produced, defaults, name, frame.f_globals.get("__name__", "__main__"), place
    )
    return Task(function, make_options({**options, "environment": False}, f"container {name}", TASK_OPTIONS))


def _words(command: Any) -> tuple[str, ...]:
    if command is None:
        return ()
    if isinstance(command, str):
        if not command.strip():
            raise DefinitionError("command='' names no program; give a text, a list of texts, or nothing")
        return ("/bin/sh", "-c", command)
    words = _listed("command", command)
    if not words or not words[0]:
        raise DefinitionError(f"command={command!r} names no program; give a text, a list of texts, or nothing")
    return words


def _listed(what: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DefinitionError(f"{what}={given!r}: give a list of texts")
    return tuple(given)


def _inputs(declared: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(name -> type, those without a default first; name -> default)."""
    types: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name, given in declared.items():
        if is_default(given):
            types[name], defaults[name] = type(given), given
        elif input_kind(given) is None:
            raise DefinitionError(
                f"the input {name} is {given if isinstance(given, str) else type_name(given)}, which no command takes; it can "
                "be File, Folder, str, int, float, bool, a list of these (but folders), or a default value"
            )
        else:
            types[name] = type_of(given)
    return dict(sorted(types.items(), key=lambda pair: pair[0] in defaults)), defaults


def _type(output: str, kind: Any) -> Any:
    try:
        found = type_of(kind)
    except LoadError:
        word = f"the output {output} has the type {kind!r}"
        raise DefinitionError(f"{word}, which is none; give a type such as File, Folder, str, int or dict") from None
    if found is None or (
        not isinstance(found, type) and not hasattr(found, "__origin__") and not hasattr(found, "__args__")
    ):
        raise DefinitionError(
            f"the output {output} is {found!r}, no type; give one such as File, Folder, str, int or dict"
        )
    return found
