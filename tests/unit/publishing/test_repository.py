"""What Git tells of real repositories."""

from __future__ import annotations

import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from partita.errors import NotFoundError, PublishError
from partita.publishing.repository import fetch_commit, no_source, source_of, without_password


def git(folder: Path, *words: str) -> str:
    """Run git; what it prints."""
    identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With one commit on the branch main."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "flows.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def test_a_folder_tells_its_commit_branch_tag_and_whether_it_is_clean(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "remote", "add", "origin", "https://ann:secret@git.example/acme/news.git")
    assert source_of(repository) == {
        "commit": commit, "branch": "main", "tag": "", "repository": "https://git.example/acme/news.git", "is_clean": True,
    }  # fmt: skip
    (repository / ".partita").mkdir()
    (repository / ".partita" / "store.db").write_text("no code")
    assert source_of(repository)["is_clean"]
    (repository / "more.py").write_text("")
    assert not source_of(repository)["is_clean"]
    (repository / "more.py").unlink()
    git(repository, "tag", "v1")
    git(repository, "checkout", "--quiet", "--detach")
    assert (source_of(repository)["branch"], source_of(repository)["tag"]) == ("", "v1")


def test_a_folder_without_a_repository_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet")
    assert source_of(tmp_path / "empty") == no_source()


def test_one_commit_is_fetched_by_its_hash(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "flows.py").write_text("x = 2\n")
    git(repository, "commit", "--quiet", "-am", "two")
    target = tmp_path / "target"
    target.mkdir()
    fetch_commit(f"file://{repository}", first, target)
    assert (target / "flows.py").read_text() == "x = 1\n"
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(NotFoundError, match="has no commit"):
        fetch_commit(f"file://{repository}", "0" * 39 + "1", other)


def test_links_of_a_repository_point_nowhere(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (repository / "notes.txt").symlink_to(tmp_path / "secret.txt")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "link")
    target = tmp_path / "target"
    target.mkdir()
    fetch_commit(f"file://{repository}", git(repository, "rev-parse", "HEAD"), target)
    assert not (target / "notes.txt").is_symlink() and "secret" not in (target / "notes.txt").read_text().splitlines()


@pytest.mark.parametrize("url", ["ext::sh -c 'touch /tmp/x'", "http://127.0.0.1:1/x.git", "file:///nowhere/at/all"])
def test_what_cannot_be_reached_is_told_and_nothing_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises((PublishError, NotFoundError)):
        fetch_commit(url, "a" * 40, tmp_path)


def test_what_is_no_hash_is_no_option_of_git(tmp_path: Path) -> None:
    for commit in ("--upload-pack=x", "main", "a" * 39, ""):
        with pytest.raises(NotFoundError, match="full hash"):
            fetch_commit("file:///x", commit, tmp_path)


def test_a_token_goes_to_https_only(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="no address but https"):
        fetch_commit("file:///x", "a" * 40, tmp_path, token="secret")


def test_addresses_are_told_without_passwords() -> None:
    assert without_password("https://a:b@h:1/x?token=c") == "https://h:1/x"
    assert without_password("git@h:acme/news.git") == "git@h:acme/news.git"


def test_a_token_is_for_one_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "told"
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$GIT_CONFIG_KEY_0" >> {told}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    fetch_commit("https://me@code.example/a/b.git", "a" * 40, tmp_path, token="secret")
    assert set(told.read_text().split()) == {"http.https://code.example/a/b.git.extraHeader"}


def test_another_address_that_a_server_points_to_is_not_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    class Pointing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere" + self.path)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pointing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(PublishError):
            fetch_commit(f"http://127.0.0.1:{server.server_port}/a.git", "a" * 40, tmp_path)
        server.shutdown()
    assert asked and not any("elsewhere" in path for path in asked)
