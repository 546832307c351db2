"""All that is said of a container task, as plain data: from it a Docker command line is made, or a pod."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

from partita.errors import DefinitionError
from partita.flow.containers.template import check_template

__all__ = ["PULLS", "ROOT", "STDOUT", "ContainerDeclaration", "check_declaration"]

#: Folder in the container below which inputs and outputs lie.
ROOT = "/partita"
#: The output that is what the command prints.
STDOUT = "stdout"
PULLS = ("missing", "always", "never")

_NAME = re.compile(r"[^\W\d]\w*\Z", re.ASCII)
_IMAGE = re.compile(r"[a-zA-Z0-9][\w.:/@-]*\Z", re.ASCII)
_FORM = 1  # of what the fingerprint covers


@dataclass(frozen=True, slots=True)
class ContainerDeclaration:
    """A container task without its options, which are those of any task."""

    image: str
    command: tuple[str, ...] = ()  # instead of the image's entrypoint; empty: that of the image
    arguments: tuple[str, ...] = ()  # words behind the command or the image's entrypoint; empty: those of the image
    inputs: tuple[tuple[str, str], ...] = ()  # (name, word of its kind)
    outputs: tuple[tuple[str, str], ...] = ()  # (name, word of its kind)
    file_names: tuple[tuple[str, str], ...] = ()  # (output, name of its file), where that is not the output's own name
    network: str = ""  # as `docker run --network` takes it; empty: the engine's own default
    user: str = ""  # "1000:1000", a name, or "image": that of the image; empty: who runs the attempt
    folder: str = ""  # the working directory in the container; empty: that of the image
    mounts: tuple[str, ...] = ()  # "source:target" or "source:target:ro"
    pull: str = "missing"  # when the image is fetched: one of PULLS
    allowed_statuses: tuple[int, ...] = (0,)  # exit statuses that are no failure

    @property
    def words(self) -> tuple[str, ...]:
        """The command and its arguments."""
        return self.command + self.arguments

    def input_path(self, name: str, *rest: str) -> str:
        """Where an input lies in the container."""
        return "/".join((ROOT, "inputs", name, *rest))

    def output_path(self, name: str) -> str:
        """Where the container has to write an output."""
        return f"{ROOT}/outputs/{self.file_name(name)}"

    def file_name(self, output: str) -> str:
        """The name of an output's file or folder."""
        return dict(self.file_names).get(output, output)

    def plain(self) -> dict[str, Any]:
        """Its fields as plain data."""
        return asdict(self)

    def fingerprint(self) -> str:
        """Hash of all that it says. The image counts by its name: one that is to be the same for ever is named by its digest."""
        told = json.dumps([_FORM, self.plain()], sort_keys=True)
        return blake2b(told.encode(), digest_size=32).hexdigest()


def check_declaration(declaration: ContainerDeclaration) -> None:
    """
    Raises:
        DefinitionError: it says what no container can be made of.
    """
    if not _IMAGE.match(declaration.image):
        raise DefinitionError(f'image={declaration.image!r} is no image; give a name such as "alpine:3.20"')
    for what, pairs in (("input", declaration.inputs), ("output", declaration.outputs)):
        for name, _ in pairs:
            if not _NAME.match(name):
                raise DefinitionError(
                    f"{name!r} cannot name an {what}; use letters, digits and _, beginning with a letter"
                )
    _check_words("command", declaration.command)
    _check_words("arguments", declaration.arguments)
    inputs, outputs = dict(declaration.inputs), dict(declaration.outputs)
    if outputs.get(STDOUT) in ("file", "folder"):
        raise DefinitionError(
            f"the output {STDOUT} is what the command prints: a text, or JSON that gives another value"
        )
    check_template(declaration.words, inputs, outputs)
    _check_file_names(declaration, outputs)
    if declaration.pull not in PULLS:
        raise DefinitionError(f"pull={declaration.pull!r} is none of {', '.join(PULLS)}")
    if declaration.folder and not declaration.folder.startswith("/"):
        raise DefinitionError(f"folder={declaration.folder!r} is no folder in a container; give a path from its root")
    for mount in declaration.mounts:
        if not _is_mount(mount):
            raise DefinitionError(f'mounts: {mount!r} is no mount; write "/data:/data" or "/data:/data:ro"')


def _check_words(what: str, words: Sequence[Any]) -> None:
    if not all(isinstance(word, str) and "\0" not in word for word in words):
        raise DefinitionError(f"{what}={list(words)!r}: give a list of texts")


def _check_file_names(declaration: ContainerDeclaration, outputs: Mapping[str, str]) -> None:
    for name, file in declaration.file_names:
        if name not in outputs or name == STDOUT:
            raise DefinitionError(
                f"file_names: {name!r} is not among the outputs ({', '.join(outputs) or 'there are none'})"
            )
        if not file or "/" in file or "\0" in file or file.startswith(("-", ".")):
            raise DefinitionError(f"file_names: {file!r} is no plain name of a file")
    files = [declaration.file_name(name) for name in outputs if name != STDOUT]
    if len(files) != len(set(files)):
        raise DefinitionError("file_names: two outputs have files of one name")


def _is_mount(text: str) -> bool:
    parts = text.split(":")
    return len(parts) in (2, 3) and bool(parts[0]) and parts[1].startswith("/") and parts[2:] in ([], ["ro"], ["rw"])
