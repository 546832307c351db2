"""What is typed into forms."""

from __future__ import annotations

from typing import Any

import pytest

from partita.web.fields import Field, answer_fields, answer_of, read_texts
from partita.web.texts import Texts

ENGLISH = Texts("en")


def _field(kind: str, **more: Any) -> Field:
    form = {"type": kind, **more.pop("form", {})}
    return Field("in.x", "x", form, **more)


@pytest.mark.parametrize(
    "field, typed, text",
    [
        (_field("integer"), "3", "3"),
        (_field("text"), " as it is ", " as it is "),
        (_field("boolean"), "true", "true"),
        (_field("boolean"), "", "false"),
        (_field("list", form={"items": {"type": "integer"}}), "[1, 2]", "[1, 2]"),
        (_field("map"), '{"a": 1}', '{"a": 1}'),
        (_field("integer", form={"is_optional": True}), "", "null"),
        (_field("integer", form={"is_optional": True}, is_required=False, default="3"), "", "null"),
        (_field("text", is_required=False, default="a"), "", ""),
    ],
)
def test_what_fits_is_taken_as_a_text(field: Field, typed: str, text: str) -> None:
    assert read_texts([field], {"in.x": typed}, ENGLISH) == ({"in.x": text}, {})


def test_what_is_left_out_is_left_to_the_default() -> None:
    fields = [
        _field("integer", is_required=False, default="3"),
        _field("integer", form={"is_optional": True}, is_required=False),
    ]
    for field in fields:
        assert read_texts([field], {}, ENGLISH) == ({}, {})


@pytest.mark.parametrize(
    "field, typed, told",
    [
        (_field("integer"), "many", "whole number"),
        (_field("integer"), "", "required"),
        (_field("number"), "nan", "a number"),
        (_field("choice", form={"choices": ["a", "b"]}), "c", "one of a, b"),
        (_field("date"), "31.1.2026", "2026-01-31"),
        (_field("list", form={"items": {"type": "integer"}}), '["a"]', "list as JSON"),
        (_field("map"), "[1]", "map as JSON"),
    ],
)
def test_what_does_not_fit_is_told(field: Field, typed: str, told: str) -> None:
    texts, wrong = read_texts([field], {"in.x": typed}, ENGLISH)
    assert texts == {} and told in wrong["in.x"]


def test_it_is_told_in_the_language_of_the_reader() -> None:
    assert "整数" in read_texts([_field("integer")], {"in.x": "many"}, Texts("zh-CN"))[1]["in.x"]


def test_an_answer_of_several_fields_is_read_by_name() -> None:
    form = {
        "type": "object",
        "fields": [
            {"name": "price", "form": {"type": "number"}, "is_required": True},
            {"name": "note", "form": {"type": "text"}, "is_required": False, "default": "none"},
        ],
    }
    assert [field.name for field in answer_fields(form)] == ["value.price", "value.note"]
    assert answer_of(form, {"value.price": "3.5", "value.note": "x"}, ENGLISH) == ({"price": "3.5", "note": "x"}, {})
    assert list(answer_of(form, {"value.price": "much"}, ENGLISH)[1]) == ["value.price"]
    assert answer_of({"type": "integer"}, {"value": "3"}, ENGLISH) == ("3", {})
