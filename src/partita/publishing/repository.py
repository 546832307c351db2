"""What Git tells of a folder, and fetching one commit; `git` never asks anybody for anything."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from partita.errors import NotFoundError, PublishError
from partita.protocol.publications import SourceView

__all__ = ["fetch_commit", "no_source", "source_of", "without_password"]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
#: What nobody publishes, and few repositories ignore.
_NO_CODE = (":(exclude,glob)**/.partita/**", ":(exclude,glob)**/__pycache__/**")
_TIMEOUT_S = 600.0
_QUICK_S = 20.0


def no_source() -> SourceView:
    """Of code that lies in no repository."""
    return SourceView(commit="", branch="", tag="", repository="", is_clean=False)


def source_of(folder: Path) -> SourceView:
    """Which commit the folder's files are of; empty texts where it is in no repository, or there is no `git`."""
    commit = _told(folder, "rev-parse", "HEAD")
    if not _COMMIT.fullmatch(commit):
        return no_source()
    changed = _told(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".", *_NO_CODE, failed="?")
    return SourceView(
        commit=commit, branch=_told(folder, "symbolic-ref", "--short", "-q", "HEAD"),
        tag=_told(folder, "describe", "--tags", "--exact-match"),
        repository=without_password(_told(folder, "remote", "get-url", "origin")), is_clean=not changed,
    )  # fmt: skip


def without_password(url: str) -> str:
    """The address without who it names."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def fetch_commit(url: str, commit: str, target: Path, *, token: str = "", timeout_s: float = _TIMEOUT_S) -> None:
    """Bring the files of one commit into an empty folder, without its history.

    Args:
        url: https, ssh or file; no other protocol is spoken, not even where the server points to one.
        commit: its full hash.
        token: for an https address; it stands on no command line and in no file.

    Raises:
        NotFoundError: there is no such commit there.
        PublishError: the repository cannot be reached.
    """
    if not _COMMIT.fullmatch(commit):
        raise NotFoundError(f"{commit!r} is not the full hash of a commit")
    protocol = url.partition("://")[0] if "://" in url else "ssh"
    variables = {"GIT_ALLOW_PROTOCOL": protocol}
    where = without_password(url)
    if token:
        if protocol != "https":
            raise PublishError(f"a token is sent to no address but https: {where}")
        header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        variables |= {
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"http.{where}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {header}",
        }  # fmt: skip
    _run(target, where, variables, timeout_s, "init", "--quiet")
    fetched = _git(
        target, variables, timeout_s, "fetch", "--quiet", "--depth", "1", "--no-tags", "--no-recurse-submodules", "--", url,
        commit,
    )  # fmt: skip
    if fetched.returncode:
        # A server may give only what a branch or tag names; then the commit is looked for in all of these.
        _run(
            target,
            where,
            variables,
            timeout_s,
            "fetch",
            "--quiet",
            "--no-recurse-submodules",
            "--",
            url,
            "+refs/*:refs/seen/*",
        )
    found = _git(target, variables, timeout_s, "cat-file", "-e", f"{commit}^{{commit}}")
    if found.returncode:
        raise NotFoundError(f"{where} has no commit {commit}")
    _run(target, where, variables, timeout_s, "checkout", "--quiet", "--detach", commit)


def _run(folder: Path, where: str, variables: Mapping[str, str], timeout_s: float, *words: str) -> None:
    done = _git(folder, variables, timeout_s, *words)
    if done.returncode:
        told = " ".join(done.stderr.split())[-500:]
        raise PublishError(f"git {words[0]} of {where} failed: {told or f'status {done.returncode}'}")


def _told(folder: Path, *words: str, failed: str = "") -> str:
    try:
        done = _git(folder, {}, _QUICK_S, *words)
    except PublishError:
        return failed
    return done.stdout.strip() if not done.returncode else failed


def _git(folder: Path, variables: Mapping[str, str], timeout_s: float, *words: str) -> subprocess.CompletedProcess[str]:
    settings = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false"]
    settings += ["-c", "http.followRedirects=false"]  # the address that was allowed is the one that is asked
    settings += ["-c", "core.symlinks=false"]  # what a link of a repository points to is no code
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    environment |= {
        "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "GIT_LFS_SKIP_SMUDGE": "1", **variables,
    }  # fmt: skip
    try:
        return subprocess.run(
            ["git", *settings, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=timeout_s, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise PublishError("there is no `git` on this machine; install it") from None
    except subprocess.TimeoutExpired:
        raise PublishError(f"git {words[0]} took longer than {timeout_s:g} s") from None
