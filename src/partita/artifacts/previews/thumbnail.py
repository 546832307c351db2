"""A small copy of a picture, for people to see."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

__all__ = ["picture_file_record", "picture_record"]

_PIXELS = 256  # a side
_LARGEST_PICTURE = 64_000_000  # pixels; larger ones are not made small
#: Of a file, so many are unpacked at most: 64 MB, in a step that perhaps has little memory and only passes the file on.
_LARGEST_UNPACKED = 16_000_000
_LARGEST_FILE_BYTES = 64 << 20
_NOT_MIXED = frozenset({"1", "I;16", "P", "PA"})  # modes of which Pillow makes no mean
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


def picture_record(value: Any, size: tuple[int, int] | None = None) -> dict[str, Any] | None:
    """The record of `artifacts.previews.display` of a picture of Pillow's; None: it is too large.

    Args:
        size: width and height of the picture that this is a smaller copy of.
    """
    width, height = size or value.size
    if width * height > _LARGEST_PICTURE:
        return None
    small = _reduced(value, max(1, max(value.size) // (2 * _PIXELS)))
    small = small.convert(
        "RGBA" if small.mode in ("LA", "P", "PA", "RGBA") else "L" if small.mode in ("1", "L") else "RGB"
    )
    small.thumbnail((_PIXELS, _PIXELS))
    file = io.BytesIO()
    small.save(file, "PNG")
    return {"kind": "image", "width": width, "height": height, "mode": value.mode, "png": file.getvalue()}


def _reduced(value: Any, factor: int) -> Any:
    if factor == 1:
        return value.copy()
    if value.mode in _NOT_MIXED:
        return value.resize((max(1, value.width // factor), max(1, value.height // factor)), 0)  # the nearest pixel
    return value.reduce(factor)


def picture_file_record(path: Path) -> dict[str, Any] | None:
    """The record of a picture in a file; None: it is too large.

    Raises:
        Exception: Pillow is not installed, or it is no picture.
    """
    from PIL import Image

    if path.stat().st_size > _LARGEST_FILE_BYTES:
        return None
    with Image.open(path, formats=_FORMATS) as opened:
        size, mode = opened.size, opened.mode
        if size[0] * size[1] > _LARGEST_PICTURE:
            return None
        opened.draft(mode, (2 * _PIXELS, 2 * _PIXELS))  # JPEG is unpacked at a part of its size
        if opened.width * opened.height > _LARGEST_UNPACKED:
            return None
        return picture_record(opened, size)
