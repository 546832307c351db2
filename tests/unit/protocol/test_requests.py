from __future__ import annotations

from typing import Any

import pytest

from partita.protocol.requests import as_problem

SYNTAX = '  File "syn.py", line 3\n    def f( -> int:\n           ^^\nSyntaxError: invalid syntax'
FRAMES = 'Traceback (most recent call last):\n  File "flows.py", line 3, in f\n    g()'


@pytest.mark.parametrize(
    ("kind", "message", "trace", "told", "remedy"),
    [
        (
            "partita.errors.LoadError",
            "a.yaml is not UTF-8; save it as UTF-8",
            "",
            "a.yaml is not UTF-8",
            "save it as UTF-8",
        ),
        (
            "partita.errors.LoadError",
            "importing syn.py failed: SyntaxError: invalid syntax",
            f"{SYNTAX}\n\nThe above exception was the direct cause of the following exception:\n\n",
            "importing syn.py failed: SyntaxError: invalid syntax",
            SYNTAX.strip(),
        ),
        ("partita.errors.RefError", "a promise; use it", f"{FRAMES}\n", "a promise; use it", FRAMES),
        ("ValueError", "no; yes", f"{FRAMES}\n", "ValueError: no; yes", FRAMES),
    ],
)
def test_an_error_as_a_problem(kind: str, message: str, trace: str, told: str, remedy: str) -> None:
    error: Any = {"type": kind, "message": message, "traceback": f"{trace}{kind}: {message}\n"}
    assert as_problem(error) == {"message": told, "remedy": remedy}
