from __future__ import annotations

import json
import time

import pytest

from partita.protocol.requests import EnvironmentView
from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace


def view(key: str, **fields: object) -> EnvironmentView:
    made = EnvironmentView(
        key=key, title="six==1.16.0", folder=f"/shelf/{key}", python="3.12.1", packages=["six==1.16.0"], made_at=1.0,
        took_s=2.5, used_at=time.time() - 3600, size_bytes=2048, is_complete=True, is_in_use=False,
    )  # fmt: skip
    made.update(fields)  # type: ignore[typeddict-item]
    return made


@pytest.fixture
def known(workspace: FakeWorkspace) -> list[EnvironmentView]:
    workspace.known_environments = [
        view("aa11", is_in_use=True), view("aa22"), view("bb33", is_complete=False, python="", used_at=0.0, packages=[]),
    ]  # fmt: skip
    return workspace.known_environments


def test_list_shows_a_row_each(partita: Partita, known: list[EnvironmentView]) -> None:
    told = partita("environments", "list")
    assert told.status == 0
    head, first, second, third = told.out.splitlines()
    assert head.split() == ["ENVIRONMENT", "STATE", "PYTHON", "SIZE", "USED", "MADE", "FROM"]
    assert first.startswith("aa11") and "in use" in first and "1h" in first and "six==1.16.0" in first
    assert "ready" in second and "broken off" in third
    assert json.loads(partita("environments", "list", "--json").out) == known


def test_an_empty_list_says_what_to_do(partita: Partita) -> None:
    told = partita("environments", "list")
    assert (told.status, told.out) == (0, "")
    assert "@task(environment=" in told.err


def test_show_takes_the_beginning_of_a_name(partita: Partita, known: list[EnvironmentView]) -> None:
    told = partita("environments", "show", "bb")
    assert told.status == 0 and "broken off" in told.out and "making bb33" in told.out
    assert json.loads(partita("environments", "show", "aa2", "--json").out)["packages"] == ["six==1.16.0"]
    assert "2 environments begin with aa" in partita("environments", "show", "aa").err
    told = partita("environments", "show", "cc")
    assert told.status != 0 and "there is no environment cc" in told.err


def test_prune_says_what_it_removed(partita: Partita, workspace: FakeWorkspace, known: list[EnvironmentView]) -> None:
    told = partita("environments", "prune", "--unused", "7d")
    assert "2 environments removed" in told.out
    partita("environments", "prune", "--all")
    partita("environments", "prune")
    day_s = 86_400.0
    assert [asked[1] for asked in workspace.asked] == [7 * day_s, 0.0, 30 * day_s]
