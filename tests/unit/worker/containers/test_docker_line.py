"""The command line of Docker, and what its ends mean."""

from __future__ import annotations

from typing import Any

import pytest

from partita import container
from partita.errors import ContainerError, OutOfMemoryError
from partita.flow.containers.rendering import render
from partita.worker.containers.allowance import Allowance
from partita.worker.containers.docker_line import Placement, docker_line
from partita.worker.containers.endings import ContainerState, ending_of

PLACEMENT = Placement("partita-1", '/data/out, "1"', (("/blobs/1", "/partita/inputs/x/x"),), "1000:1000", 4)
NOTHING_IN_PARTICULAR = Allowance()
RAN = ContainerState(True, False)


def declared(**changes: Any) -> Any:
    return container("made", **{"image": "alpine:3.20", "command": ["wc", "-l"], **changes}).function.declaration


def line(allowed: Allowance = NOTHING_IN_PARTICULAR, **changes: Any) -> list[str]:
    declaration = declared(**changes)
    return docker_line(declaration, render(declaration, {}), allowed, PLACEMENT)


def after(words: list[str], flag: str) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words) if word == flag]


def test_it_is_what_was_declared() -> None:
    words = line(network="none", folder="/app", mounts=["/data:/data:ro"], pull="never", arguments=["more"])
    assert words[:3] == ["run", "--name", "partita-1"]
    assert words[-4:] == ["wc", "alpine:3.20", "-l", "more"] and words[-5] == "--entrypoint"
    assert after(words, "--network") == ["none"] and after(words, "--workdir") == ["/app"]
    assert after(words, "--volume") == ["/data:/data:ro"] and after(words, "--pull") == ["never"]
    assert after(words, "--user") == ["1000:1000"] and after(words, "--env") == ["HOME=/tmp"]
    assert after(words, "--mount") == [
        'type=bind,"source=/data/out, ""1""",target=/partita/outputs',
        "type=bind,source=/blobs/1,target=/partita/inputs/x/x,readonly",
    ]
    assert not {"--cpus", "--memory", "--gpus"} & set(words)


def test_limits_are_those_of_the_attempt() -> None:
    words = line(Allowance(cpu=1.5, memory_bytes=1 << 30, gpus=("0", "3"), labels={"partita.run": "r1"}))
    assert after(words, "--cpus") == ["1.5"] and after(words, "--memory") == [str(1 << 30)]
    assert after(words, "--memory-swap") == [str(1 << 30)] and after(words, "--gpus") == ['"device=0,3"']
    assert after(words, "--label") == ["partita.run=r1"]
    assert "--cpus" not in line(Allowance(cpu=4.0))  # all that there are is no limit


def test_variables_stand_in_it_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hush")
    words = line(Allowance(variables=("TOKEN", "HOME")))
    assert after(words, "--env") == ["TOKEN", "HOME"]
    assert "hush" not in " ".join(words)


def test_the_images_own_command_and_user_are_left_to_it() -> None:
    words = line(command=None, user="image")
    assert words[-1] == "alpine:3.20"
    assert "--entrypoint" not in words and "--user" not in words and "HOME=/tmp" not in words


@pytest.mark.parametrize(
    "status, said, state, told",
    [
        (3, "no such row", RAN, "ended with exit status 3:\nno such row"),
        (137, "", RAN, "was ended by signal 9"),
        (127, "sh: foo: not found", RAN, "is it in the image"),
        (127, "[FATAL tini (7)] exec wc failed: No such file or directory", RAN, "there is no program wc in the image"),
        (126, "[FATAL tini (7)] exec wc failed: Permission denied", RAN, "cannot be executed"),
        (127, "", ContainerState(False, False, 'exec: "wc": executable file not found in $PATH'), "there is no program wc"),
        (125, "Cannot connect to the Docker daemon at unix:///x", None, "Docker does not answer: start it"),
        (125, "permission denied while trying to connect to the docker daemon socket", None, "add that user to Docker's group"),
        (125, "No such image: alpine:3.20", None, "build or pull it"),
        (125, "pull access denied for alpine, repository does not exist or may require 'docker login'", None, "docker login"),
        (125, "dial tcp: lookup registry on 1.1.1.1:53: no such host", None, "registry cannot be reached"),
        (125, "could not select device driver with capabilities: [[gpu]]", None, "NVIDIA Container Toolkit"),
        (125, "unable to find user who: no matching entries in passwd file", None, "give user= in numbers"),
        (125, "something new", None, "could not be started:\nsomething new"),
    ],
)  # fmt: skip
def test_an_end_is_told_in_words(status: int, said: str, state: ContainerState | None, told: str) -> None:
    error = ending_of(declared(), status, said, state, Allowance())
    assert type(error) is ContainerError and told in str(error) and "alpine:3.20" in str(error)


def test_out_of_memory_is_another_error() -> None:
    error = ending_of(declared(), 137, "", ContainerState(True, True), Allowance(memory_bytes=64 << 20))
    assert type(error) is OutOfMemoryError and "64 MiB" in str(error)


def test_allowed_statuses_are_no_failure() -> None:
    assert ending_of(declared(allowed_statuses=[0, 1]), 1, "", RAN, Allowance()) is None
    assert ending_of(declared(), 0, "", RAN, Allowance()) is None
    assert ending_of(declared(allowed_statuses=[0, 125]), 125, "no Docker", None, Allowance()) is not None
