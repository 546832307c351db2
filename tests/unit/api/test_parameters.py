"""What bodies are taken for, and what the document says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from partita.api.app import api_routes, openapi
from partita.api.flows import FlowBody
from partita.api.models import DescribeBody
from partita.api.runs import RerunBody
from partita.api.waits import EventBody


def test_a_whole_number_is_one_however_it_is_written() -> None:
    assert RerunBody.model_validate({"afresh": [3.0, 4], "priority": -2.0, "weight": 2}).afresh == [3, 4]
    for wrong in (2.5, "3", True, 1e300):
        with pytest.raises(ValidationError):
            RerunBody.model_validate({"priority": wrong})


def test_plain_data_is_as_it_was_sent() -> None:
    body = FlowBody.model_validate({"flow": "a.py:b", "inputs": {"rate": 1.0, "text": "a\0b", "large": 10**40}})
    assert body.inputs == {"rate": 1.0, "text": "a\0b", "large": 10**40} and type(body.inputs["rate"]) is float
    with pytest.raises(ValidationError, match="larger than"):
        FlowBody.model_validate({"flow": "a.py:b", "inputs": {"n": 10**400}})


def test_a_number_past_64_bits_is_the_float_that_it_is_or_refused() -> None:
    taken = EventBody.model_validate({"event": "e", "data": [{"n": 10**20}, 2**64 - 1]}).data
    assert taken == [{"n": 1e20}, 2**64 - 1] and type(taken[0]["n"]) is float
    for wrong in (10**23 + 1, 10**400):
        with pytest.raises(ValidationError, match="larger than 64 bits"):
            EventBody.model_validate({"event": "e", "data": wrong})


def test_no_text_holds_a_nul() -> None:
    for body in ({"description": "a\0"}, {"tags": {"a": "\0"}}, {"tags": {"\0": "a"}}):
        with pytest.raises(ValidationError, match="NUL"):
            DescribeBody.model_validate(body)


def test_the_document_says_of_every_text_what_it_may_hold_and_bounds_exactly() -> None:
    document = openapi([route for routes in api_routes() for route in routes.routes])
    vague = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for given in (*operation.get("parameters", ()), operation.get("requestBody", {})):
                for schema in schemas(given, document):
                    if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "const", "format"}:
                        vague.append((method, path, schema))
                    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
                        value = schema.get(bound, 0)
                        assert type(value) is int or not value.is_integer(), (path, bound, value)
    assert vague == []
    key = document["components"]["schemas"]["EventBody"]["properties"]["key"]["anyOf"]
    assert {"exclusiveMaximum": 2**63, "minimum": -(2**63), "type": "integer"} in key


def schemas(part: Any, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All schemas in a part of the document, those that it refers to, too."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield from schemas(document["components"]["schemas"][part["$ref"].rpartition("/")[2]], document)
        if "type" in part:
            yield part
    for item in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from schemas(item, document)
