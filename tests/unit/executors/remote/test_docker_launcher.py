"""The launcher of containers where Docker does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.errors import ContainerError
from partita.executors.docker import Containers, DockerLauncher
from partita.executors.port import Capacity
from partita.executors.remote.port import AgentCommand


def test_a_docker_that_does_not_answer_is_not_one_without_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what they work on would be begun once more beside them."""
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho the daemon is being started >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    launcher = DockerLauncher(Containers("image", tmp_path), Capacity(1, 2**30), AgentCommand(()), "origin", {})
    with pytest.raises(ContainerError, match="the daemon is being started"):
        launcher.survey()
    program.write_text("#!/bin/sh\nexit 0\n")
    assert launcher.survey() == []
    launcher.close()
