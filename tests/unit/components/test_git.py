"""Checking out, from a real repository in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from partita.components import GitCheckout, GitError, git_checkout
from partita.errors import DefinitionError

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *words: str) -> str:
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@b.c"))
    }
    done = subprocess.run(["git", *words], cwd=folder, env=os.environ | who, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits; the first has a tag, the second one is a branch."""
    folder = tmp_path / "origin.git"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for text in ("one", "two"):
        (folder / "file").write_text(text)
        git(folder, "add", "file")
        git(folder, "commit", "-q", "-m", text)
        if text == "one":
            git(folder, "tag", "-a", "v1", "-m", "first")
    return folder


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def test_a_branch_is_pinned_to_its_commit(repository: Path) -> None:
    found = git_checkout(str(repository))
    commit = git(repository, "rev-parse", "HEAD")
    assert found == GitCheckout(Path("checkouts") / f"origin-{commit[:12]}", commit, str(repository), "HEAD")
    assert (found.folder / "file").read_text() == "two"
    assert git(found.folder, "rev-list", "--count", "HEAD") in ("1", "2")  # a path may be copied with its history
    assert os.listdir("checkouts") == [found.folder.name]


def test_without_history(repository: Path) -> None:
    found = git_checkout(repository.as_uri(), "main")
    assert git(found.folder, "rev-list", "--count", "HEAD") == "1"


@pytest.mark.parametrize("form", ["path", "uri"])
def test_tags_and_commits(repository: Path, form: str) -> None:
    url = str(repository) if form == "path" else repository.as_uri()
    commit = git(repository, "rev-parse", "v1^{commit}")
    by_tag, by_commit = git_checkout(url, "v1"), git_checkout(url, commit)
    assert by_tag.commit == by_commit.commit == commit
    assert (by_tag.folder / "file").read_text() == "one"


def test_what_is_there_is_taken_as_it_is(repository: Path) -> None:
    first = git_checkout(str(repository))
    before = (first.folder / "file").stat().st_ino
    assert git_checkout(str(repository)) == first
    assert (first.folder / "file").stat().st_ino == before


def test_a_folder_of_ones_own(repository: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "here"
    assert git_checkout(str(repository), folder=target).folder == target
    (target / "file").write_text("changed")
    with pytest.raises(GitError, match="exists and does not hold the commit"):
        git_checkout(str(repository), folder=target)
    assert (target / "file").read_text() == "changed"
    assert os.listdir(target.parent) == ["here"]


def test_what_is_not_there_is_told(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="has no 'nonsense', or cannot be reached"):
        git_checkout(str(repository), "nonsense")
    with pytest.raises(GitError, match="cannot be reached"):
        git_checkout((tmp_path / "nowhere").as_uri())
    assert os.listdir("checkouts") == []


@pytest.mark.parametrize(("url", "ref"), [("--upload-pack=touch hacked", "HEAD"), ("x", "--exec=x"), ("x", "")])
def test_options_do_not_come_in_as_addresses(url: str, ref: str) -> None:
    with pytest.raises(DefinitionError, match="cannot be checked out"):
        git_checkout(url, ref)


def test_an_address_runs_no_program() -> None:
    with pytest.raises(GitError, match="not allowed"):
        git_checkout("ext::sh -c touch% hacked")
    assert not Path("hacked").exists()


def test_a_token_goes_to_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TOKEN", "s3cret")
    with pytest.raises(DefinitionError, match="https addresses only"):
        git_checkout("http://example.org/a.git", token="${GIT_TOKEN}")
