"""Writing options of tasks into settings: what people wrote stays, and what cannot be added to is left alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.errors import SettingsError
from partita.settings import load_settings
from partita.workspace.settings_file import write_task_settings


def test_a_section_is_added_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text("# ours\ncpu = 4   # of eight\n")
    assert write_task_settings(tmp_path, {"fit": {"cpu": 2, "memory": "1GiB"}}).name == "partita.toml"
    text = (tmp_path / "partita.toml").read_text()
    assert text.startswith("# ours\ncpu = 4   # of eight\n\n[tasks.fit]\n")
    found = load_settings(tmp_path, environment={})
    assert (found.cpu, found.tasks["fit"].cpu, found.tasks["fit"].memory_bytes) == (4, 2, 2**30)


def test_a_section_that_is_there_is_changed_in_place(tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text("[tasks.fit]\ncpu = 8  # too many?\ngpu = 1\n\n[slots]\na = 1\n")
    write_task_settings(tmp_path, {"fit": {"cpu": 2, "memory": "1GiB"}})
    assert (tmp_path / "partita.toml").read_text() == (
        '[tasks.fit]\nmemory = "1GiB"\ncpu = 2  # too many?\ngpu = 1\n\n[slots]\na = 1\n'
    )


def test_pyproject_is_written_where_the_settings_lie_there(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n\n[tool.partita]\ncpu = 4\n')
    (tmp_path / "partita.toml").write_text("# nothing here\n")
    assert write_task_settings(tmp_path, {"a.b:c": {"executor": "big"}}).name == "pyproject.toml"
    assert load_settings(tmp_path, environment={}).tasks["a.b:c"].executor == "big"
    assert (tmp_path / "partita.toml").read_text() == "# nothing here\n"


def test_a_project_without_a_file_gets_one(tmp_path: Path) -> None:
    write_task_settings(tmp_path, {"fit": {"cpu": 2}})
    assert load_settings(tmp_path, environment={}).tasks["fit"].cpu == 2


def test_what_cannot_be_added_to_is_left_alone_and_told(tmp_path: Path) -> None:
    text = "tasks = { fit = { cpu = 8 } }\n"
    (tmp_path / "partita.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"write into it:\n\[tasks.fit\]\ncpu = 2"):
        write_task_settings(tmp_path, {"fit": {"cpu": 2}})
    assert (tmp_path / "partita.toml").read_text() == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8), st.fixed_dictionaries({"cpu": st.integers(0, 9)}), min_size=1, max_size=3
    )
)
def test_names_of_tasks_can_be_any(tmp_path: Path, tasks: dict[str, dict[str, int]]) -> None:
    (tmp_path / "partita.toml").write_text("cpu = 4\n")
    try:
        write_task_settings(tmp_path, tasks)
    except SettingsError:
        assert (tmp_path / "partita.toml").read_text() == "cpu = 4\n"
        assert any(not name.isprintable() for name in tasks)
    else:
        assert tomllib.loads((tmp_path / "partita.toml").read_text())["tasks"] == tasks
