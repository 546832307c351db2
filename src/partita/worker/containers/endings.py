"""What the end of a container means, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partita.errors import ContainerError, OutOfMemoryError
from partita.flow.containers.declaration import ContainerDeclaration
from partita.worker.containers.allowance import Allowance

__all__ = ["ContainerState", "ending_of"]

_TAIL_CHARACTERS = 2000
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
_UNSTARTED = re.compile(r"^\[FATAL tini \(\d+\)\] exec ", re.MULTILINE)  # said by the container's first process

#: What Docker says -> what to do about it.
_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"Cannot connect to the Docker daemon|error during connect|connection refused|Is the docker daemon running",
        "Docker does not answer: start it, or let DOCKER_HOST name where it is",
    ),
    (
        r"permission denied.*(docker\.sock|daemon socket|Docker API)",
        "who runs the engine may not use Docker: add that user to Docker's group",
    ),
    (
        r"No such image|reference does not exist",
        'the image is not here, and pull="never" says not to fetch it: build or pull it, or say pull="missing"',
    ),
    (
        r"pull access denied|manifest.*(unknown|not found)|repository does not exist|not found: manifest",
        "there is no such image, or it may only be fetched by who has logged in: correct its name, or run `docker login`",
    ),
    (
        r"no such host|i/o timeout|TLS handshake|proxyconnect|dial tcp|Client\.Timeout|unexpected EOF",
        "the image cannot be fetched, since its registry cannot be reached: look at the network, or bring the image here "
        'and say pull="never"',
    ),
    (r"toomanyrequests|rate limit", "the registry lets nobody fetch more for now: run `docker login`, or try later"),
    (r"no space left", "make room on Docker's disk: `docker system df` shows what takes it"),
    (
        r"could not select device driver|nvidia-container|unknown or invalid runtime",
        "Docker cannot give GPUs here: install the NVIDIA Container Toolkit, or leave out gpu=",
    ),
    (r"network .* not found", "there is no such network: `docker network ls` shows those that are there"),
    (
        r"unable to find user|no matching entries in passwd",
        "the image has no such user: give user= in numbers, or one that it has",
    ),
    (
        r"bind source path does not exist|mount.*not.*exist",
        "Docker does not see this machine's files: container tasks need a Docker that runs on this machine",
    ),
)


@dataclass(frozen=True, slots=True)
class ContainerState:
    """What Docker tells of a container that has ended."""

    has_run: bool  # its command was started
    was_out_of_memory: bool
    error: str = ""  # why it could not be started


def ending_of(
    declaration: ContainerDeclaration, status: int, said: str, state: ContainerState | None, allowed: Allowance
) -> ContainerError | None:
    """The failure that it is; None: it is none.

    Args:
        status: the exit status of `docker run`.
        said: the end of what it and the command said.
        state: None: Docker knows no such container.
    """
    if state is not None and state.was_out_of_memory and status not in declaration.allowed_statuses:
        limit = f" than the {allowed.memory_bytes / 2**20:,.0f} MiB that it may hold" if allowed.memory_bytes else ""
        told = f"the container of {declaration.image} needed more memory{limit or ' than there was'}, and was killed"
        return OutOfMemoryError(_with_tail(f"{told}; declare memory= for what it needs", said), status)
    if state is None or not state.has_run or (status in (_NOT_EXECUTABLE, _NOT_FOUND) and _UNSTARTED.search(said)):
        return _not_started(declaration, status, said, state)
    if status in declaration.allowed_statuses:
        return None
    told = f"the command in the container of {declaration.image} "
    signal = status - 128 if 128 < status < 128 + 65 else 0
    if signal:
        told += f"was ended by signal {signal} (exit status {status})"
    else:
        told += f"ended with exit status {status}"
    if status == _NOT_FOUND:
        told += ", by which shells say that they know no such program: is it in the image?"
    return ContainerError(_with_tail(told, said), status)


def _not_started(
    declaration: ContainerDeclaration, status: int, said: str, state: ContainerState | None
) -> ContainerError:
    why = (state.error if state is not None else "") or said
    program = declaration.command[0] if declaration.command else "its entrypoint"
    if status == _NOT_FOUND or "executable file not found" in why:
        return ContainerError(_with_tail(
            f"there is no program {program} in the image {declaration.image}; name one that it has, or take another image", why
        ))  # fmt: skip
    if status == _NOT_EXECUTABLE:
        return ContainerError(_with_tail(
            f"{program} of the image {declaration.image} cannot be executed: make it executable there, and see that the image "
            "is one for this machine's processor", why
        ))  # fmt: skip
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, why, re.IGNORECASE):
            return ContainerError(f"{remedy}. For {declaration.image} Docker said:\n{_tail(why)}")
    return ContainerError(_with_tail(f"the container of {declaration.image} could not be started", why))


def _with_tail(told: str, said: str) -> str:
    tail = _tail(said)
    return f"{told}:\n{tail}" if tail else told


def _tail(said: str) -> str:
    return said.replace("Run 'docker run --help' for more information", "").strip()[-_TAIL_CHARACTERS:]
