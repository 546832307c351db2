"""The launcher of containers where Docker does not answer, or goes away: a program of its name plays it."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partita.core.records import Demand
from partita.errors import ContainerError
from partita.executors.docker import Containers, DockerLauncher
from partita.executors.port import Capacity
from partita.executors.remote.port import GONE, UP, AgentCommand, News, WorkerOrder
from tests.surveys import found_by
from tests.waiting import wait_until

SESSION = "abcdefghijklmnop"

#: A Docker with one container, which is there while the file "container" is, and ends with what stands in "ended". While
#: the file "away" is there it does not answer, and breaks off what it was doing.
DOCKER = f"""#!/bin/sh
cd "$(dirname "$0")"
gone_away() {{ echo "$1" >&2; exit "$2"; }}
until_ended() {{
    until [ -e ended ]; do
        [ -e away ] && gone_away "error waiting for container: unexpected EOF" "$1"
        sleep 0.02
    done
    rm -f container
}}
echo "$1" >> asked
case "$1" in
run)
    [ -e away ] && gone_away "docker: Cannot connect to the Docker daemon. Is the docker daemon running?" 125
    touch container
    until_ended 125
    exit "$(cat ended)" ;;
events) exec sleep 600 ;;
esac
[ -e away ] && gone_away "Cannot connect to the Docker daemon. Is the docker daemon running?" 1
case "$1" in
ps)
    until [ ! -e slow ]; do sleep 0.02; done
    [ ! -e container ] || echo '{{"Names": "partita-{SESSION}", "State": "running"}}' ;;
wait)
    [ -e container ] || gone_away "Error: No such container" 1
    [ ! -e mute ] || exit 0
    until_ended 1
    cat ended ;;
rm) rm -f container; echo 137 > ended ;;
esac
"""


class Docker:
    """What the program does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "docker").write_text(DOCKER)
        (folder / "docker").chmod(0o755)

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def was_asked(self, what: str) -> int:
        """How often it was called so."""
        return self["asked"].read_text().split().count(what) if self["asked"].exists() else 0


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Docker(tmp_path)


@pytest.fixture
def launcher(docker: Docker, tmp_path: Path) -> Iterator[DockerLauncher]:
    made = DockerLauncher(Containers("image", tmp_path), Capacity(1, 2**30), AgentCommand(()), "origin", os.environ)
    yield made
    made.close()
    docker["ended"].write_text("0")


def begin(launcher: DockerLauncher, docker: Docker) -> None:
    launcher.start(WorkerOrder(SESSION, Demand()))
    wait_until(docker["container"].exists)
    assert [news.what for news in launcher.news()] == [UP]


def find(launcher: DockerLauncher, docker: Docker) -> None:
    docker["container"].touch()
    assert found_by(launcher) == [SESSION]
    wait_until(lambda: docker.was_asked("wait"))


def gone(launcher: DockerLauncher) -> News:
    heard: list[News] = []
    wait_until(lambda: heard.extend(launcher.news()) or heard)
    (news,) = heard
    assert news.what == GONE and news.session == SESSION
    return news


def go_away(docker: Docker) -> None:
    """Be away, until that was found out more than once."""
    before = docker.was_asked("ps")
    docker["away"].touch()
    wait_until(lambda: docker.was_asked("ps") >= before + 2)


@pytest.mark.parametrize("obtain", [begin, find])
def test_a_docker_that_goes_away_ends_no_container(
    launcher: DockerLauncher, docker: Docker, obtain: Callable[[DockerLauncher, Docker], None]
) -> None:
    obtain(launcher, docker)
    go_away(docker)
    docker["away"].unlink()
    waits = docker.was_asked("wait")
    wait_until(lambda: docker.was_asked("wait") > waits)
    assert launcher.news() == []
    docker["ended"].write_text("7")
    news = gone(launcher)
    assert (news.reason, news.exit_status) == ("died", 7)


@pytest.mark.parametrize("obtain", [begin, find])
def test_a_container_that_is_not_there_when_docker_is_back_has_died(
    launcher: DockerLauncher, docker: Docker, obtain: Callable[[DockerLauncher, Docker], None]
) -> None:
    obtain(launcher, docker)
    go_away(docker)
    docker["container"].unlink()
    docker["away"].unlink()
    news = gone(launcher)
    assert (news.reason, news.exit_status) == ("died", None) and "not there any more" in news.detail


def test_a_container_that_was_to_end_when_docker_went_away_is_ended_when_it_is_back(
    launcher: DockerLauncher, docker: Docker
) -> None:
    begin(launcher, docker)
    go_away(docker)
    launcher.stop(SESSION)
    removals = docker.was_asked("rm")
    wait_until(lambda: docker.was_asked("rm") > removals)
    docker["away"].unlink()
    assert gone(launcher).reason == "ended" and not docker["container"].exists()


def test_a_docker_that_says_nothing_to_the_point_is_asked_again(launcher: DockerLauncher, docker: Docker) -> None:
    docker["container"].touch()
    docker["mute"].touch()
    assert found_by(launcher) == [SESSION]
    wait_until(lambda: docker.was_asked("wait") > 1)
    docker["mute"].unlink()
    docker["ended"].write_text("3")
    assert gone(launcher).exit_status == 3


def test_what_docker_was_not_there_to_start_is_told_at_once(launcher: DockerLauncher, docker: Docker) -> None:
    docker["away"].touch()
    launcher.start(WorkerOrder(SESSION, Demand()))
    wait_until(lambda: docker.was_asked("run"))
    said: list[News] = []
    wait_until(lambda: said.extend(launcher.news()) or len(said) == 2)
    assert said[1][1:3] == (GONE, "refused") and "Cannot connect to the Docker daemon" in said[1].detail


def test_a_docker_that_does_not_answer_is_not_one_without_containers(launcher: DockerLauncher, docker: Docker) -> None:
    """Else what they work on would be begun once more beside them."""
    docker["away"].touch()
    with pytest.raises(ContainerError, match="Cannot connect to the Docker daemon"):
        found_by(launcher)
    docker["away"].unlink()
    assert found_by(launcher) == []


def test_nobody_waits_for_a_docker_that_takes_its_time(launcher: DockerLauncher, docker: Docker) -> None:
    docker["slow"].touch()
    assert launcher.survey() is None
    wait_until(lambda: docker.was_asked("ps"))
    assert launcher.survey() is None and launcher.news() == [] and docker.was_asked("ps") == 1
    docker["slow"].unlink()
    assert select.select(launcher.filenos(), [], [], 60)[0]
    assert launcher.news() == [] and launcher.survey() == []


def test_what_it_started_itself_meanwhile_was_left_by_nobody(launcher: DockerLauncher, docker: Docker) -> None:
    docker["slow"].touch()
    assert launcher.survey() is None
    begin(launcher, docker)
    docker["slow"].unlink()
    assert found_by(launcher) == []
    docker["ended"].write_text("0")
    assert gone(launcher).reason == "ended"
