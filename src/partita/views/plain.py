"""Answers as JSON: what a record holds that JSON has no form for is left out or told in another way."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

__all__ = ["to_json"]


def to_json(value: Any) -> bytes:
    """The value as JSON in UTF-8. Numbers that JSON does not know are null, bytes are base64."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_told)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_told)
    # What a worker printed may hold halves of characters.
    return text.encode("utf-8", "replace")


def _told(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "_asdict"):
        return value._asdict()
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
