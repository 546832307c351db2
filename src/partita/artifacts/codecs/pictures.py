"""Pillow's pictures as PNG files, without loss."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from partita.artifacts.blobs.hashing import Buffer
from partita.artifacts.codecs.structure import packed_plain
from partita.values import unpack

__all__ = ["CODECS"]

_MODES = frozenset({"1", "L", "LA", "RGB", "RGBA", "I;16"})
#: Texts of the file that hold `info`: plain data as it is, and with tuples, as files that were opened have them.
_INFO, _TAGGED = "partita", "partita.tagged"
_DEEPEST = 8
_LONGEST_INFO = 16 << 20  # Pillow reads texts of 64 MiB


class Pictures:
    """A PNG file; what the picture says about itself (`info`) lies in a text of it."""

    name = "picture"

    def matches(self, value: Any) -> bool:
        """Whether PNG keeps its pixels and what it says about itself is plain, or plain in tuples; no opened file."""
        from PIL import Image

        return (
            type(value) is Image.Image and value.mode in _MODES and value.width > 0 and value.height > 0
            and _packed_info(value.info) is not None
        )  # fmt: skip

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The PNG file."""
        from PIL import Image, PngImagePlugin

        said = PngImagePlugin.PngInfo()
        name, packed = _packed_info(value.info) or (_INFO, b"")
        said.add_text(name, base64.b64encode(packed).decode())
        bare = Image.new(value.mode, value.size)
        bare.paste(value)
        file = io.BytesIO()
        bare.save(file, "PNG", pnginfo=said, compress_level=1)
        return (file.getbuffer(),)

    def decode(self, data: memoryview) -> Any:
        """The picture."""
        from PIL import Image, PngImagePlugin

        try:
            # Not by Image.open, which refuses large pictures, since they may be an attack.
            with PngImagePlugin.PngImageFile(io.BytesIO(data)) as opened:
                opened.load()
                bare = Image.new(opened.mode, opened.size)
                bare.paste(opened)
                plain, tagged = opened.info.get(_INFO), opened.info.get(_TAGGED)
        except (OSError, SyntaxError) as error:
            raise ValueError(str(error)) from error
        said = tagged if plain is None else plain
        if said is None:
            raise ValueError("no picture of Partita's")
        info = unpack(base64.b64decode(said))
        bare.info = _untagged(info) if plain is None else info
        return bare


def _packed_info(info: dict[Any, Any]) -> tuple[str, bytes] | None:
    """The name of the text and what it holds; None where that would not give the same back."""
    name, packed = _INFO, packed_plain(dict(info))
    if packed is None:
        tagged = _tagged(dict(info), 0)
        name, packed = _TAGGED, packed_plain(tagged) if tagged is not None else None
    return (name, packed) if packed is not None and len(packed) <= _LONGEST_INFO else None


def _tagged(value: Any, depth: int) -> list[Any] | None:
    """[kind, parts]: of a dict, pairs; of plain data, itself."""
    kind = type(value)
    if depth > _DEEPEST:
        return None
    if kind not in _CONTAINERS:
        return ["plain", value]
    items = [part for pair in value.items() for part in pair] if kind is dict else value
    parts = [_tagged(item, depth + 1) for item in items]
    return None if None in parts else [kind.__name__, parts]


def _untagged(tagged: list[Any]) -> Any:
    kind, parts = tagged
    if kind == "plain":
        return parts
    items = list(map(_untagged, parts))
    if kind == "dict":
        return dict(zip(items[::2], items[1::2], strict=True))
    return tuple(items) if kind == "tuple" else items


_CONTAINERS = frozenset({dict, list, tuple})


CODECS = (Pictures(),)
