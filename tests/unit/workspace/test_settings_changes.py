"""Which settings have changed under an engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita.settings import describe_settings, load_settings
from partita.workspace.settings_changes import changed_settings, digests_of

WRITTEN = """
cpu = 2
slots = { licence = 2, line = 1 }
retention = { runs = "90d", keep_runs = 3, flows = { train = { runs = "365d" } } }
environment = ["numpy>=2", "scipy"]
[executors.heavy]
cpu = 1
spare_workers = 1
[tasks.fit]
cpu = 2
"""


def began(folder: Path, written: str, **environment: str) -> Path:
    """An engine has read this."""
    (folder / "partita.toml").write_text(written)
    read = digests_of(load_settings(folder, environment=environment))
    (folder / "engine.json").write_text(json.dumps({"pid": 1, "settings": read}))
    return folder


@pytest.mark.parametrize(
    "later, changed",
    [
        (WRITTEN, []), ("# as before\n" + WRITTEN, []), (WRITTEN.replace("licence = 2, line = 1", "line = 1, licence = 2"), []),
        (WRITTEN.replace("cpu = 2\nslots", "cpu = 3\nslots"), ["cpu"]),
        (WRITTEN.replace('"90d"', '"91d"'), ["retention"]), (WRITTEN.replace('"365d"', '"730d"'), ["retention"]),
        (WRITTEN.replace("spare_workers = 1", "spare_workers = 2"), ["executors"]), (WRITTEN.replace("heavy", "light"), ["executors"]),
        (WRITTEN.replace("licence = 2", "licence = 3"), ["slots"]), (WRITTEN.replace('"scipy"', '"scikit-learn"'), ["environment"]),
        (WRITTEN.replace("cpu = 2", "cpu = 1"), ["cpu", "tasks"]),
        ('color = "never"\nbundle_include = ["*.csv"]\n' + WRITTEN, []),
        ("", ["cpu", "slots", "executors", "tasks", "environment", "retention"]),
    ],
)  # fmt: skip
def test_what_says_something_else_is_told_by_its_key(tmp_path: Path, later: str, changed: list[str]) -> None:
    began(tmp_path, WRITTEN)
    (tmp_path / "partita.toml").write_text(later)
    assert changed_settings(tmp_path, load_settings(tmp_path, environment={})) == changed


def test_a_variable_of_this_command_counts(tmp_path: Path) -> None:
    began(tmp_path, WRITTEN)
    assert changed_settings(tmp_path, load_settings(tmp_path, environment={"PARTITA_CPU": "7"})) == ["cpu"]


def test_another_process_finds_the_same(tmp_path: Path) -> None:
    began(tmp_path, WRITTEN)
    code = (
        "import pathlib; from partita.settings import load_settings; from partita.workspace.settings_changes import *; "
        "here = pathlib.Path.cwd(); print(changed_settings(here, load_settings(here, environment={})))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "about", [None, "", "{", "[]", "3", '{"pid": 1}', '{"settings": null}', '{"settings": {"gone": "1"}}']
)
def test_an_engine_that_did_not_tell_what_it_read_has_read_what_there_is(tmp_path: Path, about: Any) -> None:
    if about is not None:
        (tmp_path / "engine.json").write_text(about)
    assert changed_settings(tmp_path, load_settings(tmp_path, environment={})) == []


def test_each_setting_is_the_engines_or_known_not_to_be() -> None:
    read = set(digests_of(load_settings(Path("/nowhere"), environment={})))
    assert {setting.key for setting in describe_settings()} - read == {
        "store", "executor", "build_base", "build_image", "bundle_include", "bundle_exclude", "sign_in", "stages", "gates", "ci",
        "repositories", "metrics", "color", "notebook_display",
    }  # fmt: skip
