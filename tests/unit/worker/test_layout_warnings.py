from __future__ import annotations

from typing import Any

import pytest

from partita import flow, task
from partita.errors import MissingExtraError
from partita.flow.entry import lay_out
from partita.values import PLAIN
from partita.worker import layouts


@task(environment=["six==1.16.0"])
def special() -> int:
    return 1


@task
def plain() -> int:
    return 1


@flow
def one() -> int:
    return special()


@flow
def other() -> int:
    return plain()


def test_a_missing_uv_is_a_warning_where_an_environment_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise MissingExtraError("pip install 'partita[environments]'")

    def encode(value: Any, declared: Any = None) -> list[Any]:
        return [PLAIN, value]

    monkeypatch.setattr(layouts, "find_uv", nowhere)
    warned, silent = lay_out(one, encode=encode), lay_out(other, encode=encode)
    layouts._warn_of_missing_uv(warned)
    layouts._warn_of_missing_uv(silent)
    [problem] = warned.warnings
    assert "special has an environment of its own" in problem.message and "partita[environments]" in problem.remedy
    assert silent.warnings == [] and warned.errors == []
