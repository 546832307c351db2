"""Forms of parameters, read from source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from partita.flow.catalogue.annotations import default_text, form_of_annotation
from partita.flow.catalogue.modules import Library, SourceModule

_SOURCE = """
import datetime
import typing as t
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, Optional
from shapes import Shape

Size = Literal["s", "m"]

class Color(Enum):
    RED = 1
    BLUE = 2
    _ignore_ = ["x"]

@dataclass
class Point:
    x: int
"""


@pytest.fixture
def module(tmp_path: Path) -> SourceModule:
    (tmp_path / "shapes.py").write_text("from enum import Enum\n\nclass Shape(Enum):\n    ROUND = 'r'\n")
    (tmp_path / "flows.py").write_text(_SOURCE)
    return SourceModule("flows", tmp_path / "flows.py")


@pytest.mark.parametrize(
    "text, form",
    [
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("date", {"type": "date"}),
        ("datetime.datetime", {"type": "datetime"}),
        ("Path", {"type": "text"}),
        ("Literal['a', 'b']", {"type": "choice", "choices": ["a", "b"]}),
        ("t.Literal[1, None]", {"type": "choice", "choices": [1], "is_optional": True}),
        ("Size", {"type": "choice", "choices": ["s", "m"]}),
        ("Color", {"type": "choice", "choices": ["RED", "BLUE"]}),
        ("Shape", {"type": "choice", "choices": ["ROUND"]}),
        ("int | None", {"type": "integer", "is_optional": True}),
        ("Optional[date]", {"type": "date", "is_optional": True}),
        ("'int'", {"type": "integer"}),
        ("Annotated[int, something(1)]", {"type": "integer"}),
        ("list[int]", {"type": "list", "items": {"type": "integer"}}),
        ("list[dict[str, int]]", {"type": "list", "items": {"type": "any"}}),
        ("dict[str, float]", {"type": "map"}),
        ("Point", {"type": "map"}),
        ("int | str", {"type": "text", "is_union": True}),
        ("t.Any", {"type": "any"}),
        ("Unknown", None),
        ("numpy.ndarray", None),
        ("", None),
        ("list[", None),
    ],
)
def test_a_type_that_is_written_has_a_form(module: SourceModule, tmp_path: Path, text: str, form: Any) -> None:
    assert form_of_annotation(text, module, Library([tmp_path])) == form


@pytest.mark.parametrize(
    "text, typed",
    [
        ("3", "3"), ("'a'", "a"), ("None", ""), ("True", "true"), ("['a', 1]", '["a", 1]'), ("(1, 2)", "[1, 2]"),
        ("Color.RED", "RED"), ("Path('data')", "data"), ("{'a': 1}", '{"a": 1}'), ("made()", None), (None, None), ("b'x'", None),
    ],
)  # fmt: skip
def test_a_default_is_told_as_it_would_be_typed(text: str | None, typed: str | None) -> None:
    assert default_text(text) == typed
