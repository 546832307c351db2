"""Functions that expressions have beside those of CEL."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

__all__ = ["FUNCTIONS", "declared_functions", "shown_text"]

_LONGEST = 10_000  # elements
_LARGEST = 1_000_000  # characters


def shown_text(value: Any) -> str:
    """A value inside a text."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (bool, list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _range(count: int) -> list[int]:
    if not 0 <= count <= _LONGEST:
        raise ValueError(f"range({count}): give 0 to {_LONGEST:,}")
    return list(range(count))


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the text is not JSON: {error}") from None


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _join(items: list[Any], between: str) -> str:
    texts = [shown_text(item) for item in items]
    if sum(map(len, texts)) + len(between) * len(texts) > _LARGEST:
        raise ValueError("the joined text would be too long")
    return between.join(texts)


def _split(text: str, between: str) -> list[str]:
    return text.split(between)


def _trim(text: str) -> str:
    return text.strip()


#: How each is written -> what it gives. The documentation lists them.
FUNCTIONS = {
    "range(3)": "[0, 1, 2]",
    "fromJSON(text)": "what the JSON text stands for",
    "toJSON(value)": "the list or mapping as JSON",
    'list.join(", ")': "the elements as one text",
    'text.split(",")': "the parts of the text",
    "text.trim()": "the text without blanks around it",
}


def declared_functions() -> list[Any]:
    """The functions as the library takes them."""
    from cel_expr_python import cel

    kinds, declare, overload = cel.Type, cel.FunctionDecl, cel.Overload
    text, values, pairs = kinds.STRING, kinds.LIST, kinds.MAP
    to_json = [
        overload("list_to_json", text, [values], False, _to_json),
        overload("map_to_json", text, [pairs], False, _to_json),
    ]
    return [
        declare("range", [overload("range_int", values, [kinds.INT], False, _range)]),
        declare("fromJSON", [overload("from_json", kinds.DYN, [text], False, _from_json)]),
        declare("toJSON", to_json),
        declare("join", [overload("list_join", text, [values, text], True, _join)]),
        declare("split", [overload("text_split", values, [text, text], True, _split)]),
        declare("trim", [overload("text_trim", text, [text], True, _trim)]),
    ]
