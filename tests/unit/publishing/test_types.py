"""Types as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NotRequired, Optional, TypedDict

import pytest

from partita.publishing.types import default_of, type_view
from partita.values import is_plain


class Color(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Inner:
    depth: int
    name: str = "x"


@dataclass
class Outer:
    inner: Inner
    tags: list[str] = field(default_factory=list)
    again: Optional[Outer] = None  # noqa: UP045


class Row(TypedDict):
    id: int
    note: NotRequired[str]


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int, "integer"), (str, "text"), (float, "number"), (bool, "boolean"), (date, "date"), (timedelta, "duration"),
        (Path, "path"), (Any, "any"), (bytes, "other"), (dict, "map"), (list, "list"), (object, "any"),
    ],
)  # fmt: skip
def test_simple_types(annotation: Any, kind: str) -> None:
    assert type_view(annotation)["kind"] == kind


def test_choices_lists_maps_and_unions() -> None:
    assert type_view(Literal["a", 2])["choices"] == ["a", 2]
    assert type_view(Color) == {"type": "Color", "kind": "choice", "choices": ["RED", "BLUE"]}
    assert type_view(list[int])["items"]["kind"] == "integer"
    assert type_view(dict[str, float])["items"]["kind"] == "number"
    optional = type_view(int | None)
    assert optional["kind"] == "integer" and optional["is_optional"]
    either = type_view(int | str | None)
    assert [option["kind"] for option in either["options"]] == ["integer", "text"] and either["is_optional"]
    assert type_view(tuple[int, ...])["items"]["kind"] == "integer"
    assert [option["kind"] for option in type_view(tuple[int, str])["items"]["options"]] == ["integer", "text"]


def test_records_tell_their_fields_and_end_where_they_hold_themselves() -> None:
    view = type_view(Outer)
    assert [item["name"] for item in view["fields"]] == ["inner", "tags", "again"]
    inner = view["fields"][0]
    assert inner["is_required"] and [item["name"] for item in inner["type"]["fields"]] == ["depth", "name"]
    assert inner["type"]["fields"][1]["default"] == "x" and not inner["type"]["fields"][1]["is_required"]
    assert not view["fields"][1]["is_required"] and view["fields"][2]["type"]["kind"] == "record"
    assert [(item["name"], item["is_required"]) for item in type_view(Row)["fields"]] == [("id", True), ("note", False)]
    assert is_plain(view) and is_plain(type_view(Row))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3, (3, "3")), ("a b", ("a b", "a b")), (None, (None, "null")), (True, (True, "true")), (Color.BLUE, ("BLUE", "BLUE")),
        (Path("x/y"), ("x/y", "x/y")), ([1, "a"], ([1, "a"], '[1, "a"]')), (timedelta(minutes=1), (60.0, "60s")),
        (Inner(2), ({"depth": 2, "name": "x"}, '{"depth": 2, "name": "x"}')), ((1, 2), ([1, 2], "[1, 2]")),
    ],
)  # fmt: skip
def test_defaults_as_they_are_written(value: Any, told: Any) -> None:
    assert default_of(value) == told


def test_a_default_without_a_plain_form_is_told_as_a_text() -> None:
    value, text = default_of(b"x" * 500)
    assert value is None or is_plain(value)
    assert text and len(text) <= 2000
