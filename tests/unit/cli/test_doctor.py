from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from partita.cli import diagnosis
from partita.errors import SettingsError
from partita.settings import Settings, describe_settings
from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace


def findings(partita: Partita) -> dict[str, Any]:
    return {item["name"]: item for item in json.loads(partita("doctor", "--json").out)["findings"]}


def test_doctor_lists_findings_and_settings(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.settings = Settings(cpu=2.0, slots={"api": 3}, sources={"cpu": "partita.toml:1", "slots": "environment"})
    told = partita("doctor")
    assert told.status == 0
    for name in ("python", "sqlite", "machine", "workspace", "file system", "disk", "artifacts", "flows", "engine"):
        assert name in told.out
    rows = {line.split()[0]: line.split() for line in told.out.splitlines() if line}
    assert rows["cpu"][1:3] == ["2.0", "partita.toml:1"]
    assert rows["slots"][1:3] == ["api=3", "environment"]
    assert all(setting.key in rows for setting in describe_settings())


def test_doctor_as_json(partita: Partita) -> None:
    document = json.loads(partita("doctor", "--json").out)
    assert document["exit_status"] == 0
    assert {item["verdict"] for item in document["findings"]} <= {"good", "warn"}
    assert [item["key"] for item in document["settings"]] == [setting.key for setting in describe_settings()]


@pytest.mark.parametrize(("kind", "verdict"), [("nfs4", "bad"), ("tmpfs", "warn"), ("ext4", "good")])
def test_file_systems(partita: Partita, monkeypatch: pytest.MonkeyPatch, kind: str, verdict: str) -> None:
    monkeypatch.setattr(diagnosis, "_file_system_kind", lambda state: kind)
    found = findings(partita)["file system"]
    assert found["verdict"] == verdict
    assert bool(found["remedy"]) == (verdict != "good")
    assert partita("doctor").status == (4 if verdict == "bad" else 0)


def test_a_full_disk_is_told(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1 << 20, "total": 1 << 40})
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage)
    assert findings(partita)["disk"] == {
        "name": "disk", "verdict": "warn", "told": "1.0 MiB free of 1.0 TiB",
        "remedy": "make room: a run whose values cannot be written waits",
    }  # fmt: skip


def test_settings_that_are_wrong_do_not_stop_the_examination(partita: Partita) -> None:
    def refuse(arguments: Any) -> Any:
        raise SettingsError("partita.toml:1: there is no setting 'cpus'")

    told = partita("doctor", opener=refuse)
    assert told.status == 4
    assert "wrong  settings  partita.toml:1: there is no setting 'cpus'" in told.out
    assert "sqlite" in told.out


def test_an_engine_of_another_version_is_told(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "VERSION", "9.9")
    assert "partita engine stop" in findings(partita)["engine"]["remedy"]


def test_engine_status_and_stop(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("engine", "status")
    assert told.status == 0
    assert "engine 4321 (version 0.1.0) is up" in told.out
    assert "2 of 4 held" in told.out
    assert json.loads(partita("engine", "status", "--json").out)["engine"]["pid"] == 4321
    assert "has ended" in partita("engine", "stop").out
    assert workspace.asked == [("stop_engine",)]
    assert partita("engine", "status").out == "No engine is up; it starts with the next run.\n"
    assert json.loads(partita("engine", "stop", "--json").out) == {"was_up": False, "unfinished_runs": 0}


def test_the_file_system_is_that_of_the_longest_mount_point(tmp_path: Path) -> None:
    assert diagnosis._file_system_kind(Path("/proc/self")) == "proc"
    assert diagnosis._file_system_kind(tmp_path)
