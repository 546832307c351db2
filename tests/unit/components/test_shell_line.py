"""Lines for the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita import CommandError
from partita.components import shell


def test_values_are_quoted(tmp_path: Path) -> None:
    told = shell("printf '%s|' {one} {many}; pwd", {"one": "a b; exit 3", "many": ["$HOME", "*"]}, folder=str(tmp_path))
    assert told.stdout == f"a b; exit 3|$HOME|*|{tmp_path}\n"


def test_an_exit_status_that_is_not_allowed_fails() -> None:
    assert shell("exit 3", allowed_statuses=[0, 3]).exit_status == 3
    with pytest.raises(CommandError, match="exit status 4"):
        shell("exit 4")


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"the line has \{name\}"):
        shell("echo {name}")
    assert shell("echo '{{name}}'").stdout == "{name}\n"


def test_the_package_gives_the_task_whatever_was_imported_before() -> None:
    import partita.components.shell_line
    from partita import Task, components

    assert isinstance(components.shell, Task)
    assert partita.components.shell_line.shell is components.shell
