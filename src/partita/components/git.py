"""Checking out a Git repository."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from partita.artifacts.files import Folder
from partita.components.file_values import Scratch
from partita.components.variables import filled
from partita.errors import DefinitionError, PartitaError
from partita.flow.task import task

__all__ = ["GitCheckout", "GitError", "git_checkout", "git_folder"]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PROTOCOLS = "file:git:http:https:ssh"  # not "ext", which runs what the address says


@dataclass(frozen=True, slots=True)
class GitCheckout:
    """A folder with the files of one commit."""

    folder: Path
    commit: str  # its full hash, which names the files whatever the branch says later
    url: str
    ref: str


class GitError(PartitaError):
    """Git could not do what it was asked for."""


@task(tags=("git", "code", "checkout"))
def git_checkout(
    url: str,
    ref: str = "HEAD",
    *,
    folder: Path | None = None,
    parent: Path = Path("checkouts"),
    token: str = "",
    submodules: bool = False,
    timeout_s: float = 600.0,
) -> GitCheckout:
    """Check out one commit of a repository, without its history.

    Args:
        url: of the repository.
        ref: a branch, a tag, or the full hash of a commit.
        folder: where the files go; default: a folder for the commit in `parent`. One that has this commit already and
            no changes is taken as it is.
        parent: the folder of folders.
        token: names a secret for an https address, as "${GIT_TOKEN}"; it stands in no file and on no command line.
        submodules: also those of the repository.
        timeout_s: seconds that Git may take.

    Raises:
        GitError: there is no such repository or ref, or the folder has something else.
    """
    _check_address("git_checkout", url, ref)
    git = _Git(_variables(token, url), time.monotonic() + timeout_s)
    place = folder.parent if folder is not None else parent
    place.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".checkout-", dir=place))
    try:
        commit = _fetched(git, temporary, url, ref)
        target = folder if folder is not None else parent / f"{_name(url)}-{commit[:12]}"
        if not _has(git, target, commit):
            git(temporary, "checkout", "--quiet", "--detach", commit)
            if submodules:
                git(temporary, "submodule", "update", "--init", "--recursive", "--depth", "1", "--quiet")
            _put(git, temporary, target, commit)
        return GitCheckout(target, commit, url, ref)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@task(tags=("git", "code", "checkout", "folder"))
def git_folder(url: str, ref: str = "HEAD", *, token: str = "", timeout_s: float = 600.0) -> Folder:
    """The files of one commit as a value, stored with the run and passed on, wherever the next step runs.

    It is named after the repository and the commit. Links become small files that say where they lead, so that a repository
    brings in no other file of this machine.

    Args:
        url: of the repository.
        ref: a branch, a tag, or the full hash of a commit.
        token: names a secret for an https address, as "${GIT_TOKEN}"; it stands in no file and on no command line.
        timeout_s: seconds that Git may take.

    Raises:
        GitError: there is no such repository or ref.
    """
    _check_address("git_folder", url, ref)
    git, scratch = _Git(_variables(token, url), time.monotonic() + timeout_s), Scratch()
    place = scratch.path / "checkout"
    place.mkdir()
    commit = _fetched(git, place, url, ref)
    git(place, "-c", "core.symlinks=false", "checkout", "--quiet", "--detach", commit)
    shutil.rmtree(place / ".git")
    name = f"{_name(url)}-{commit[:12]}"
    place.rename(scratch.path / name)
    return scratch.folder(name)


def _check_address(task: str, url: str, ref: str) -> None:
    if url.startswith("-") or ref.startswith("-") or not ref:
        raise DefinitionError(f"{task}: {url!r} at {ref!r} cannot be checked out; neither may begin with '-'")


class _Git:
    """Runs Git with variables of its own, until a moment."""

    def __init__(self, variables: Mapping[str, str], until: float) -> None:
        self._variables = {**os.environ, **variables}
        self._until = until

    def __call__(self, folder: Path, *words: str) -> str:
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=folder,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=max(self._until - time.monotonic(), 0.1),
            )
        except FileNotFoundError:
            raise GitError("checking out needs the program git, which is not installed here") from None
        except subprocess.TimeoutExpired:
            raise GitError(f"`git {words[0]}` took longer than timeout_s= allows") from None
        if done.returncode:
            raise GitError(f"`git {words[0]}` ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
        return done.stdout.strip()


def _variables(token: str, url: str) -> dict[str, str]:
    fixed = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": _PROTOCOLS, "GIT_LFS_SKIP_SMUDGE": "0", "LC_ALL": "C"}
    if not token:
        return fixed
    if not url.startswith("https://"):
        raise DefinitionError(f"git_checkout sends its token to https addresses only, not to {url}")
    written = base64.b64encode(f"x-access-token:{filled(token, 'the token of git_checkout')}".encode()).decode()
    host = "/".join(url.split("/")[:3])  # the token goes to this host, and not along with a redirect to another
    return fixed | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{host}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {written}",
    }


def _fetched(git: _Git, folder: Path, url: str, ref: str) -> str:
    """Fetch the ref alone; gives the hash of its commit."""
    address = str(Path(url).resolve()) if "://" not in url and Path(url).exists() else url
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", address)
    try:
        git(folder, "fetch", "--quiet", "--depth", "1", "--no-tags", "origin", ref)
    except GitError as error:
        if _COMMIT.fullmatch(ref) is None:
            raise GitError(f"{url} has no {ref!r}, or cannot be reached: {error}") from error
        # Some servers give a commit only to those who ask for all.
        git(folder, "fetch", "--quiet", "origin", "+refs/*:refs/remotes/origin/*")
        return git(folder, "rev-parse", "--verify", f"{ref}^{{commit}}")
    return git(folder, "rev-parse", "--verify", "FETCH_HEAD^{commit}")


def _name(url: str) -> str:
    last = re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git")
    return re.sub(r"[^\w.-]+", "_", last).strip(".") or "repository"


def _has(git: _Git, folder: Path, commit: str) -> bool:
    """Whether the folder holds this commit, unchanged."""
    if not (folder / ".git").exists():
        return False
    with suppress(GitError):
        return git(folder, "rev-parse", "HEAD") == commit and not git(folder, "status", "--porcelain")
    return False


def _put(git: _Git, temporary: Path, target: Path, commit: str) -> None:
    try:
        temporary.rename(target)
    except OSError:
        if _has(git, target, commit):  # another step was faster
            return
        raise GitError(
            f"{target} exists and does not hold the commit {commit[:12]} unchanged; remove it, or name another folder="
        ) from None
