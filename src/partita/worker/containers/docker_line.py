"""The command line of Docker for one call: pure, so that it can be looked at without Docker."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from partita.flow.containers.declaration import ROOT, ContainerDeclaration
from partita.flow.containers.rendering import RenderedCall
from partita.worker.containers.allowance import Allowance

__all__ = ["Placement", "docker_line"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a container's files lie on this machine, and who it is."""

    name: str
    outputs: str  # folder that it writes to
    files: tuple[tuple[str, str], ...]  # (path here, path in the container), only to be read
    user: str  # "uid:gid" of who runs this
    cores: int  # that the machine has: more than these cannot be asked for


def docker_line(
    declaration: ContainerDeclaration, call: RenderedCall, allowed: Allowance, placement: Placement
) -> list[str]:
    """What follows the word `docker`. Variables stand in it by their names: their values are those of its own environment."""
    words = ["run", "--name", placement.name, "--init", "--pull", declaration.pull]
    for label, value in allowed.labels.items():
        words += ["--label", f"{label}={value}"]
    if 0 < allowed.cpu < placement.cores:
        words += ["--cpus", f"{allowed.cpu:g}"]
    if allowed.memory_bytes:
        words += ["--memory", str(allowed.memory_bytes), "--memory-swap", str(allowed.memory_bytes)]
    if allowed.gpus:
        words += ["--gpus", _one_row([f"device={','.join(allowed.gpus)}"])]
    if declaration.network:
        words += ["--network", declaration.network]
    if declaration.user != "image":
        words += ["--user", declaration.user or placement.user]
    if declaration.folder:
        words += ["--workdir", declaration.folder]
    words += ["--mount", _one_row(["type=bind", f"source={placement.outputs}", f"target={ROOT}/outputs"])]
    for here, there in placement.files:
        words += ["--mount", _one_row(["type=bind", f"source={here}", f"target={there}", "readonly"])]
    for mount in declaration.mounts:
        words += ["--volume", mount]
    if not declaration.user and "HOME" not in allowed.variables:
        words += ["--env", "HOME=/tmp"]  # the image need not know the user, who then has none that can be written to
    for variable in (*allowed.variables, *call.variables):
        words += ["--env", variable]
    behind: Sequence[str] = (*call.command[1:], *call.arguments)
    if call.command:
        words += ["--entrypoint", call.command[0]]
    return [*words, declaration.image, *behind]


def _one_row(fields: list[str]) -> str:
    """As Docker reads several things in one word: values separated by commas, quoted where one holds a comma."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()
