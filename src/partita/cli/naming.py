"""Which flow a word of the command line means."""

from __future__ import annotations

import ast
import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from partita.errors import NotFoundError
from partita.protocol.publications import names_publication

if TYPE_CHECKING:
    from partita.workspace.port import Workspace

__all__ = ["find_any_flow", "find_flow"]

_YAML = (".yaml", ".yml")


def find_any_flow(workspace: Workspace, word: str) -> tuple[str, bool]:
    """What a word means: a flow of the project's files by its reference, or a published one by its name; and which it is.

    A flow in the files comes first; "train@3" and "train@latest" can only be published.

    Raises:
        NotFoundError: there is neither, or the word could mean several.
    """
    if names_publication(word):
        return word, True
    try:
        return find_flow(workspace, word), False
    except NotFoundError:
        if not word or not names_publication(f"{word}@latest"):
            raise
        try:
            return workspace.publication(word)["name"], True
        except NotFoundError:
            pass
        raise


def find_flow(workspace: Workspace, word: str) -> str:
    """The reference of the flow: the word as it is, where it names file or module and function.

    Raises:
        NotFoundError: there is no such flow, or the word could mean several.
    """
    if workspace.is_remote:
        return _on_server(workspace, word)
    place, _, name = word.rpartition(":")
    if word.endswith(_YAML) or place.endswith(_YAML):
        file = _project_file(workspace.folder, word if word.endswith(_YAML) else place)
        return f"{file}:{Path(file).stem}"
    if word.endswith(".py"):
        place, name = word, ""
    if place and name:
        return _in_place(workspace, place, name)
    known = workspace.flows()
    if place:
        file = _project_file(workspace.folder, place)
        return _only([flow for flow in known if _files_of(flow) & {file}], known, f"in {place}")
    if not word:
        return _only(known, known, f"in {workspace.folder}")
    matching = [flow for flow in known if flow.rpartition(":")[2] == word]
    if not matching:
        raise NotFoundError(f"there is no flow {word!r} in {workspace.folder}{_near(word, known)}")
    return _only(matching, known, f"named {word!r}")


def _on_server(workspace: Workspace, word: str) -> str:
    """What of the server's flows is meant: its files are not here to be looked into."""
    if ":" in word or "@" in word:
        return word  # a whole reference, or a version of a published flow: the server says whether there is one
    known = workspace.flows()
    matching = [flow for flow in known if word in (flow.rpartition(":")[2], flow.rpartition(":")[0])] if word else known
    if word and not matching:
        raise NotFoundError(f"the server has no flow {word!r}{_near(word, known)}")
    return _only(matching, known, f"named {word!r}" if word else "on the server")


def _in_place(workspace: Workspace, place: str, name: str) -> str:
    if place.endswith(".py"):
        place = _project_file(workspace.folder, place)
        files = [workspace.folder / place]
    else:
        stem = Path(*place.split("."))
        files = [workspace.folder / root / f for root in ("", "src") for f in (f"{stem}.py", stem / "__init__.py")]
    for file in files:
        # Reading the one file is cheap; only a name that it lacks makes us look through the project.
        text = file.read_text("utf-8", "replace") if file.is_file() else None
        if text is not None and not re.search(rf"\b{re.escape(name.partition('.')[0])}\b", text) and _is_python(text):
            known = [
                flow for flow in workspace.flows() if _files_of(flow) & {file.relative_to(workspace.folder).as_posix()}
            ]
            raise NotFoundError(f"there is no flow {name!r} in {place}{_near(name, known)}")
    return f"{place}:{name}"


def _is_python(text: str) -> bool:
    """Whether a file parses: of one that does not, the worker that imports it says where and why."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _project_file(folder: Path, written: str) -> str:
    """The file relative to the project's folder; it may be written relative to the current folder."""
    for base in (Path.cwd(), folder):
        file = Path(os.path.normpath(base / written))
        if file.is_file():
            if file.is_relative_to(folder):
                return file.relative_to(folder).as_posix()
            if file.resolve().is_relative_to(folder.resolve()):
                return file.resolve().relative_to(folder.resolve()).as_posix()
            raise NotFoundError(
                f"{written} lies outside the project's folder {folder}; start from the file's own folder, "
                f"or move it into the project"
            )
    others = [file.name for ending in ("py", "yaml", "yml") for file in Path.cwd().glob(f"*.{ending}")]
    near = difflib.get_close_matches(Path(written).name, others, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; give a path relative to here or to the project's folder"
    raise NotFoundError(f"there is no file {written}{hint}")


def _files_of(reference: str) -> set[str]:
    """The files, relative to the project's folder, in which a reference's function can stand."""
    place = reference.rpartition(":")[0]
    if place.endswith((".py", *_YAML)):
        return {place}
    stem = place.replace(".", "/")
    return {f"{root}{stem}{ending}" for root in ("", "src/") for ending in (".py", "/__init__.py")}


def _only(matching: list[str], known: list[str], where: str) -> str:
    if len(matching) == 1:
        return matching[0]
    if not matching:
        rest = f"; there are {', '.join(known[:5])}" if known else "; `partita init` makes a project with one"
        raise NotFoundError(f"there is no flow {where}{rest}")
    listed = ", ".join(matching[:8]) + (", ..." if len(matching) > 8 else "")
    raise NotFoundError(f"there are {len(matching)} flows {where}; name one of them: {listed}")


def _near(word: str, known: list[str]) -> str:
    names = {flow.rpartition(":")[2]: flow for flow in known}
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if found:
        return f"; did you mean {names[found[0]]}?"
    return f"; there are {', '.join(known[:5])}" if known else "; it has none: a flow is a function under @flow"
