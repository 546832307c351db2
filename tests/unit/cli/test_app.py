from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from partita.cli.app import build_app
from partita.version import VERSION
from tests.unit.cli.conftest import Partita

COMMANDS = ["init", "run", "check", "graph", "runs", "engine", "doctor", "version"]


def run_process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


def test_version(partita: Partita) -> None:
    assert partita("version").out == partita("--version").out == f"partita {VERSION}\n"
    assert partita("--version").status == 0
    assert json.loads(partita("version", "--json").out)["partita"] == VERSION


def test_help_names_every_command_and_status(partita: Partita) -> None:
    told = partita("--help")
    assert told.status == 0
    assert all(name in told.out for name in COMMANDS)
    assert "Exit status: 0 success" in told.out
    assert "\x1b" not in told.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(partita: Partita, name: str) -> None:
    told = partita(name, "--help")
    assert told.status == 0
    assert f"Usage: partita {name}" in told.out


def test_a_command_alone_is_the_same_as_among_all(partita: Partita) -> None:
    """Only the module of the command given is loaded."""
    names = {command.name for command in build_app("run").registered_commands}
    assert names == {"run"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rum"], "No such command 'rum'. Did you mean"), (["run", "--jason", "--quiet"], "there are 3 flows"),
        (["check", "--inputs"], "requires an argument"), (["runs", "lst"], "Did you mean"),
        (["doctor", "--jsn"], "No such option: --jsn"), (["runs", "list", "--limit", "many"], "--limit"),
        (["runs", "list", "--limit", "0"], "--limit"), (["version", "extra"], "extra"),
    ],
)  # fmt: skip
def test_wrong_use_has_status_2_and_a_hint(partita: Partita, words: list[str], told: str) -> None:
    result = partita(*words)
    assert result.status == 2
    assert told in result.err
    assert "Traceback" not in result.err


def test_a_shell_completes_flows(
    partita: Partita, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "_PARTITA_COMPLETE": "complete_bash",
        "COMP_WORDS": "partita run ne",
        "COMP_CWORD": "2",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        partita("run")
    assert capsys.readouterr().out.split() == ["news", "news_late"]


def test_wrong_use_as_json(partita: Partita) -> None:
    document = json.loads(partita("doctor", "--jsn", "--json").out)
    assert document["exit_status"] == 2


def test_as_a_process_it_is_quick_to_load_and_closes_pipes_quietly(tmp_path: Path) -> None:
    told = run_process("-X", "importtime", "-m", "partita.cli", "version")
    assert told.returncode == 0
    loaded = {line.rsplit("|", 1)[-1].strip() for line in told.stderr.splitlines()}
    assert not loaded & {"rich", "pydantic", "cloudpickle", "numpy", "asyncio", "sqlite3", "partita.cli.run"}
    code = "import sys; from partita.cli import main; sys.exit(main(['--help']))"
    shell = f'{shlex.quote(sys.executable)} -c "{code}" | true; echo ${{PIPESTATUS[0]}}'
    closed = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
    assert closed.stderr == ""


def test_colours_follow_the_user(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text("")
    code = "import os, sys; os.chdir(sys.argv[1]); from partita.cli import main; sys.exit(main(['doctor']))"
    assert "\x1b[32m" in run_process("-c", code, str(tmp_path), FORCE_COLOR="1", NO_COLOR="").stdout
    assert "\x1b" not in run_process("-c", code, str(tmp_path), FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in run_process("-c", code, str(tmp_path)).stdout


def test_a_terminal_without_unicode_gets_plain_text(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text("")
    code = "import os, sys; os.chdir(sys.argv[1]); from partita.cli import main; sys.exit(main(['doctor']))"
    told = run_process("-c", code, str(tmp_path), PYTHONIOENCODING="ascii")
    assert told.returncode in (0, 4)
    assert told.stdout.isascii()
