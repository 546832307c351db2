"""Building an image of a project, by Docker's command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from partita.artifacts.blobs.placing import place_of, requirements_of
from partita.artifacts.code.bundles import Bundle, make_bundle
from partita.errors import ContainerError, MissingExtraError, SettingsError
from partita.version import VERSION
from partita.workspace.discovery import find_flows
from partita.workspace.images.context import write_context
from partita.workspace.images.dependencies import Dependencies, find_dependencies
from partita.workspace.images.dockerfile import OWN_FOLDER, PACKAGES_FOLDER, PROJECT_FOLDER, dockerfile
from partita.workspace.images.own_wheel import is_released, make_wheel
from partita.workspace.images.request import ImageRequest, ImageView

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["build_image"]

#: Is told each line of progress.
Say = Callable[[str], None]

Remedies = Sequence[tuple[str, str]]

_TAIL_LINES = 25
_QUESTION_S = 60.0
_TAG = re.compile(r"[a-z0-9][a-z0-9._/:-]*[a-z0-9](:[\w.-]{1,128})?\Z", re.ASCII)
_BASE = re.compile(r"[A-Za-z0-9][\w.:/@-]*\Z", re.ASCII)
_HELD_BYTES = 64 << 20

#: What Docker says -> what to do about it; the first that fits.
_REMEDIES = (
    (r"Cannot connect to the Docker daemon|error during connect|Is the docker daemon running",
     "Docker does not answer: start it, or let DOCKER_HOST name where it is"),
    (r"permission denied.*(docker\.sock|daemon socket|Docker API)", "you may not use Docker: have yourself added to its group"),
    (r"NewConnectionError|Temporary failure in name resolution|Network is unreachable|ConnectTimeout|Name or service not known",
     "the package index cannot be reached from within the build: see what network builds have; `--docker-arg=--network=host` "
     "gives them that of this machine, and `--docker-arg=--build-arg=PIP_INDEX_URL=...` names another index"),
    (r"No matching distribution found|Could not find a version|ResolutionImpossible|conflicting dependencies",
     "pip cannot put these packages together: correct what the project declares"),
    (r"externally-managed-environment", "the pip of the base image is too old for its Python: take another base"),
    (r"No module named pip|python3?: (command )?not found",
     "the base image has no Python with pip: take one such as python:3.12-slim"),
    (r"pull access denied|manifest.*unknown|manifest for .* not found|repository does not exist|No such image|failed to resolve",
     "there is no such base image, or it may only be fetched by who has logged in: correct --base, or run `docker login`"),
    (r"no such host|dial tcp|i/o timeout|TLS handshake",
     "the base image is not here, and its registry cannot be reached: look at the network, or take a base that is here"),
    (r"no space left", "make room on Docker's disk: `docker system df` shows what takes it"),
)  # fmt: skip

_OF_PUSHING = (
    (r"denied|unauthorized|authentication required|no basic auth", "the registry does not let you: run `docker login` for it"),
    (r"no such host|dial tcp|connection refused|i/o timeout|TLS handshake|server gave HTTP",
     "the registry that its name begins with cannot be reached: correct --tag, or look at the network"),
)  # fmt: skip


def build_image(workspace: LocalWorkspace, request: ImageRequest, say: Say) -> ImageView:
    """Build it, or tell what it would be made of.

    Args:
        say: is told each line of progress.

    Raises:
        MissingExtraError: there is no program docker.
        ContainerError: Docker has failed.
        CheckError: what the project declares as its packages is wrong.
    """
    settings = workspace.settings
    bundle = make_bundle(workspace.folder, workspace.state, settings.bundle_include, settings.bundle_exclude)
    needs = find_dependencies(bundle.folder, workspace.folder, request.requirements, settings.environment)
    base = request.base or settings.build_base or _base_for(needs)
    if not _BASE.match(base):
        raise SettingsError(f"{base!r} is no image; give one such as python:3.12-slim")
    tag = request.tag or settings.build_image or _tag_of(workspace.folder)
    if ":" not in tag.rpartition("/")[2]:
        tag = f"{tag}:{bundle.hash[:12]}"
    if not _TAG.match(tag):
        raise SettingsError(f"{tag!r} is no name of an image; give one such as my-project:1 or registry/team/project:1")
    texts, own = _dependency_files(workspace, bundle, needs)
    text = dockerfile(base, _labels(workspace.folder, bundle, base), has_constraints=bool(needs.constraints))
    texts["Dockerfile"] = text.encode()
    view = ImageView(
        image=tag, id="", base=base, bundle=bundle.hash, files=bundle.files, packages=list(needs.requirements),
        packages_from=needs.origin, partita=own, dockerfile=text, pushed=False,
    )  # fmt: skip
    if request.is_only_shown:
        return view
    docker = shutil.which("docker")
    if docker is None:
        raise MissingExtraError(
            "`partita build` needs the program docker, which is not installed here; --dry-run needs none"
        )
    with tempfile.SpooledTemporaryFile(_HELD_BYTES) as context:
        write_context(context, texts, bundle.folder, PROJECT_FOLDER)
        context.seek(0)
        _run(
            [docker, "build", "--tag", tag, *request.docker_arguments, "-"],
            context,
            say,
            f"the image {tag} was not built",
            _REMEDIES,
        )
    view["id"] = _id_of(docker, tag)
    if request.is_pushed:
        _run([docker, "push", tag], None, say, f"the image {tag} was built, but not pushed", _OF_PUSHING)
        view["pushed"] = True
    return view


def _base_for(needs: Dependencies) -> str:
    """Values that were pickled need the same Python on both sides."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    version = needs.python if needs.python and not needs.python.startswith("/") else own
    return f"python:{version}-slim"


def _tag_of(folder: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "project"


def _labels(folder: Path, bundle: Bundle, base: str) -> dict[str, str]:
    return {
        "org.opencontainers.image.title": folder.name,
        "org.opencontainers.image.version": bundle.hash[:12],
        "org.opencontainers.image.base.name": base,
        "partita.bundle": bundle.hash,
        "partita.version": VERSION,
    }


def _dependency_files(workspace: LocalWorkspace, bundle: Bundle, needs: Dependencies) -> tuple[dict[str, bytes], str]:
    """(the files of the layer of packages, how Partita itself comes into it)."""
    settings = workspace.settings
    extras = [name for name, is_needed in (
        ("postgres", bool(settings.database)),
        ("yaml", any(flow.endswith((".yaml", ".yml")) or ".yaml:" in flow for flow in find_flows(workspace.folder))),
    ) if is_needed]  # fmt: skip
    shown_extras = f"[{','.join(extras)}]" if extras else ""
    files: dict[str, bytes] = {}
    if is_released():
        own = f"partita{shown_extras}=={VERSION}"
    else:
        name, data = make_wheel()
        files[f"{OWN_FOLDER}/{name}"] = data
        own = f"./{name}{shown_extras}"
    lines = [own, *requirements_of(place_of(workspace.folder, settings.artifacts))]
    files[f"{PACKAGES_FOLDER}/requirements.txt"] = _lines(needs.requirements)
    files[f"{OWN_FOLDER}/requirements.txt"] = _lines(lines)
    if needs.constraints:
        files[f"{PACKAGES_FOLDER}/constraints.txt"] = _lines(needs.constraints)
    return files, own


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _run(words: list[str], given: IO[bytes] | None, say: Say, failed: str, remedies: Remedies) -> None:
    """Run Docker, passing on what it says.

    Args:
        failed: what is said first when it fails.
        remedies: what it may say then, and what to do about that.

    Raises:
        ContainerError: it fails.
    """
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "BUILDKIT_PROGRESS": "plain"},
    )  # fmt: skip
    assert process.stdout is not None
    feeding = threading.Thread(target=_feed, args=(given, process.stdin), daemon=True)
    feeding.start()
    said: list[str] = []
    try:
        for line in _lines_of(process.stdout):
            said.append(line)
            say(line)
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        process.stdout.close()
        feeding.join()
    if status:
        raise ContainerError(_told(failed, said, remedies), status)


def _feed(source: IO[bytes] | None, to: IO[bytes] | None) -> None:
    if source is None or to is None:
        return
    with suppress(BrokenPipeError), to:  # Docker may have ended, and says why
        shutil.copyfileobj(source, to)


def _lines_of(stream: IO[bytes]) -> Iterator[str]:
    for raw in stream:
        line = raw.decode(errors="replace").rstrip().rpartition("\r")[2]
        if line:
            yield line


def _told(failed: str, said: list[str], remedies: Remedies) -> str:
    text = "\n".join(said)
    tail = "\n".join(said[-_TAIL_LINES:])
    remedy = next((remedy for pattern, remedy in remedies if re.search(pattern, text)), "")
    return f"{failed}{': ' if remedy else ''}{remedy}. Docker says:\n{tail}"


def _id_of(docker: str, tag: str) -> str:
    done = subprocess.run(
        [docker, "image", "inspect", "--format", "{{json .Id}}", tag], capture_output=True, text=True, timeout=_QUESTION_S,
        check=False,
    )  # fmt: skip
    try:
        return str(json.loads(done.stdout))
    except ValueError:
        return ""
