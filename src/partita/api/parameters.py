"""What several routes take: pages, moments, names, and plain data that everything behind them can hold."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, get_args

from fastapi import Header, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

from partita.views.paging import LIMIT_AT_MOST, cursor_pattern

__all__ = [
    "NAME", "NAME_OR_NONE", "USER", "WITHOUT_NUL", "ArtifactCursor", "Attempt", "Body", "Cursor", "InputValue", "Key",
    "Limit", "Moment", "PlainData", "RunId", "Short", "StepCursor", "StepId", "StepNumber", "Text", "texts_of",
]  # fmt: skip

_DEPTH = 64
_WHOLE = 1 << 63

#: What a text is: databases keep none with a NUL.
WITHOUT_NUL = r"^[^\x00]*$"
#: What persons see as a name: what can be printed, in a line, with no space around it.
_SEEN = r"\p{L}\p{M}\p{N}\p{P}\p{S}"
NAME = rf"^[{_SEEN}]([ {_SEEN}]*[{_SEEN}])?$"
NAME_OR_NONE = rf"^([{_SEEN}]([ {_SEEN}]*[{_SEEN}])?)?$"
#: That of a person: without spaces, colons and slashes; patterns know no "all punctuation but these".
USER = r"^[!-.0-9;-~\p{L}\p{M}\p{N}\p{S}\u00b7\u2010-\u2027\u3001-\u3003\uff01-\uff0f]+$"


def _plain(value: Any, depth: int = 0, *, has_wide: bool = False) -> Any:
    """What the store and the engine can hold: JSON also has numbers and halves of characters that they cannot."""
    if depth > _DEPTH:
        raise ValueError(f"it is nested more than {_DEPTH} deep")
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ValueError("a text holds half of a character")
    elif isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int):
        if not -_WHOLE <= value < 2 * _WHOLE:
            return _as_float(value, has_wide=has_wide)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is not finite")
    elif isinstance(value, dict):
        return {_plain(key, depth + 1): _plain(item, depth + 1, has_wide=has_wide) for key, item in value.items()}
    else:
        return [_plain(item, depth + 1, has_wide=has_wide) for item in value]
    return value


def _as_float(value: int, *, has_wide: bool) -> int | float:
    """A number past 64 bits as JSON has it, to which 1e20 and its digits are one; where that loses none of them.

    Args:
        has_wide: it may stay whole. None is larger than a float can be: nobody means such a one.
    """
    with suppress(OverflowError):
        near = float(value)
        if has_wide or near == value:
            return value if has_wide else near
    raise ValueError(f"{str(value)[:40]} is larger than 64 bits hold; send it as a text")


PlainData = Annotated[Any, AfterValidator(_plain)]
#: Of a flow: it is sent on as a text, which holds numbers of any size.
InputValue = Annotated[Any, AfterValidator(partial(_plain, has_wide=True))]
Short = Annotated[str, Query(max_length=200, pattern=WITHOUT_NUL)]
Text = Annotated[str, Query(max_length=1000, pattern=WITHOUT_NUL)]
Limit = Annotated[int, Query(ge=1, le=LIMIT_AT_MOST, description="How many at most.")]


def _cursor(count: int) -> Any:
    return Query(max_length=100, pattern=cursor_pattern(count), description="`next` of the page before.")


Cursor = Annotated[str, _cursor(1)]
StepCursor = Annotated[str, _cursor(2)]  # of a run, and of a step in it
ArtifactCursor = Annotated[str, _cursor(3)]  # and of how many values of it were told
Moment = Annotated[
    float, Query(ge=0, le=1e11, allow_inf_nan=False, description="Seconds since the epoch; 0: whenever.")
]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        pattern=r"^[\x20-\x7e]*$",
        description="A second launch with it gives the first run; one of something else is refused.",
    ),
]
StepId = Annotated[int, Query(ge=0, lt=1 << 32)]
RunId = Annotated[
    str,
    Path(pattern="^[0-9a-z]{1,40}$", max_length=40, description='A run\'s id, the beginning of its id, or "latest".'),
]
StepNumber = Annotated[int, Path(ge=0, lt=1 << 32, description="Number of a step in its run.")]
Attempt = Annotated[int, Path(ge=1, lt=1 << 31, description="Number of an attempt at the step, from 1.")]


def _say_texts(schema: dict[str, Any]) -> None:
    """Have the schema of a body say what `Body` asks of every text."""
    for key, item in schema.items():
        for one in item if isinstance(item, list) else item.values() if key == "properties" else [item]:
            if isinstance(one, dict):
                _say_texts(one)
    if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "const"}:
        schema["pattern"] = WITHOUT_NUL
    if isinstance(schema.get("additionalProperties"), dict):  # else it is plain data
        schema.setdefault("propertyNames", {})["pattern"] = WITHOUT_NUL


def _is_plain(kind: Any) -> bool:
    """Whether a field takes plain data, of which no number is touched."""
    return kind is Any or any(map(_is_plain, get_args(kind)))


def _as_said(value: Any) -> Any:
    """A value as the document has it: JSON knows one kind of number, so 3.0 is a whole one; and no text holds a NUL."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a text holds a NUL")
    elif isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2 * _WHOLE else value
    elif isinstance(value, list):
        return [_as_said(item) for item in value]
    elif isinstance(value, dict):
        return {_as_said(key): _as_said(item) for key, item in value.items()}
    return value


class Body(BaseModel):
    """What a route is sent. A field that it does not know is refused: it may be one that is written wrongly."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_say_texts)

    @field_validator("*", mode="before")
    @classmethod
    def _as_said(cls, value: Any, info: ValidationInfo) -> Any:
        return value if _is_plain(cls.model_fields[info.field_name or ""].annotation) else _as_said(value)


def texts_of(inputs: dict[str, Any]) -> dict[str, str]:
    """Inputs as the texts that a worker converts by the flow's signature."""
    import json

    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in inputs.items()
    }
