"""Running a container: its files, its end, and nothing of it left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from partita.artifacts.files import File, inside
from partita.errors import ContainerError
from partita.executors.stray_containers import Guard, container_folder, new_name
from partita.executors.worker_process import WORKER_MARK
from partita.flow.containers.declaration import STDOUT, ContainerDeclaration
from partita.flow.containers.rendering import RenderedCall, render
from partita.flow.context import context
from partita.flow.programs import KEPT_CHARACTERS, run_program
from partita.worker.containers.allowance import Allowance, allowance
from partita.worker.containers.docker_line import Placement, docker_line
from partita.worker.containers.endings import ContainerState, ending_of
from partita.worker.containers.outputs import read_outputs

__all__ = ["run_container"]

_DOCKER_S = 60.0  # that a question to Docker may take
_OPEN_MODE = 0o777  # of the folder of outputs, where the container is another user
_SAID_CHARACTERS = 20_000


def run_container(
    declaration: ContainerDeclaration, values: Mapping[str, Any], types: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a container to its end.

    Args:
        values: by name of the input.
        types: declared types by name of the output.

    Returns:
        What it wrote, by name of the output.

    Raises:
        ContainerError: it could not be started, or failed, or did not write what was declared.
        OutOfMemoryError: it was killed for lack of memory.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise ContainerError(
            f"the container of {declaration.image} needs the program docker, which is not installed here; install Docker, or "
            "let the task run on another executor"
        )
    allowed = allowance()
    name, folder = _new_folder(allowed)
    holder = _Holder(folder)
    try:
        return _run(docker, declaration, render(declaration, values), types, allowed, name, holder)
    except BaseException:
        holder.remove()  # now: the error holds us as long as anybody holds it
        raise


def _run(
    docker: str,
    declaration: ContainerDeclaration,
    call: RenderedCall,
    types: Mapping[str, Any],
    allowed: Allowance,
    name: str,
    holder: _Holder,
) -> dict[str, Any]:
    variables = {name: value for name, value in os.environ.items() if name != WORKER_MARK}
    placement = _placement(declaration, call, name, holder.folder)
    line = [docker, *docker_line(declaration, call, allowed, placement)]
    with _removed_at_the_end(docker, name, holder, variables):
        status, printed, complaints = run_program(line, variables={**variables, **call.variables})
        state = _state(docker, name, variables)
    if context().should_stop():
        raise ContainerError(f"the container of {declaration.image} was ended, since its attempt was asked to stop")
    said = complaints.strip() or printed.strip()
    failure = ending_of(declaration, status, allowed.mask(said)[-_SAID_CHARACTERS:], state, allowed)
    if failure is not None:
        raise failure
    if STDOUT in dict(declaration.outputs) and len(printed) >= KEPT_CHARACTERS:
        raise ContainerError(
            f"the command printed more than {KEPT_CHARACTERS:,} characters, too much for the output {STDOUT}; let it write a file"
        )
    return read_outputs(declaration, types, Path(placement.outputs), allowed.mask(printed), holder)


class _Holder:
    """Keeps the container's folder until nobody holds a file in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._removal = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def remove(self) -> None:
        """Remove it, unless it is to be kept."""
        self._removal()

    def keep(self) -> None:
        """Let the folder be, as the mark of a container that could not be removed."""
        self._removal.detach()


def _new_folder(allowed: Allowance) -> tuple[str, Path]:
    if allowed.state is not None:
        return container_folder(allowed.state)
    return new_name(), Path(tempfile.mkdtemp(prefix="partita-container-"))


def _placement(declaration: ContainerDeclaration, call: RenderedCall, name: str, folder: Path) -> Placement:
    """Lay out the folder."""
    outputs = folder / "outputs"
    outputs.mkdir()
    if declaration.user:
        outputs.chmod(_OPEN_MODE)
    for output, kind in declaration.outputs:
        if kind == "folder":
            made = outputs / declaration.file_name(output)
            made.mkdir()
            if declaration.user:
                made.chmod(_OPEN_MODE)
    files = []
    for number, (there, value) in enumerate(call.files):
        if isinstance(value, File):
            files.append((os.fspath(value.content.source().absolute()), there))
        else:
            here = value.save(inside(folder, f"input{number}", is_alone=True))
            files.append((os.fspath(here), there))
    user = f"{os.getuid()}:{os.getgid()}"
    return Placement(name, os.fspath(outputs), tuple(files), user, os.cpu_count() or 1)


@contextmanager
def _removed_at_the_end(docker: str, name: str, holder: _Holder, variables: Mapping[str, str]) -> Iterator[None]:
    guard = Guard(name, holder.folder, variables)
    try:
        yield
    finally:
        if not _remove(docker, name, variables):
            holder.keep()
        guard.release()


def _remove(docker: str, name: str, variables: Mapping[str, str]) -> bool:
    """Whether there is no such container any more."""
    words = [docker, "rm", "--force", "--volumes", name]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, env=dict(variables), timeout=_DOCKER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 or "No such container" in done.stderr


def _state(docker: str, name: str, variables: Mapping[str, str]) -> ContainerState | None:
    """What Docker knows of the container."""
    try:
        told = subprocess.run(
            [docker, "inspect", "--type", "container", "--format", "{{json .State}}", name],
            capture_output=True, text=True, env=dict(variables), timeout=_DOCKER_S, check=True,
        )  # fmt: skip
        state = json.loads(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    has_run = not str(state.get("StartedAt", "")).startswith("0001-") and not state.get("Error")
    return ContainerState(has_run, bool(state.get("OOMKilled")), str(state.get("Error") or ""))
