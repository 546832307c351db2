"""Pillow's pictures as PNG files, without loss."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from partita.artifacts.hashing import Buffer
from partita.artifacts.structure import packed_plain
from partita.values import unpack

__all__ = ["CODECS"]

_MODES = frozenset({"1", "L", "LA", "RGB", "RGBA", "I;16"})
_INFO = "partita"


class Pictures:
    """A PNG file; what the picture says about itself (`info`) lies in a text of it."""

    name = "picture"

    def matches(self, value: Any) -> bool:
        """Whether PNG keeps its pixels and what it says about itself is plain."""
        from PIL import Image

        return (
            isinstance(value, Image.Image) and value.mode in _MODES and value.width > 0 and value.height > 0
            and packed_plain(dict(value.info)) is not None and getattr(value, "n_frames", 1) == 1
        )  # fmt: skip

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The PNG file."""
        from PIL import Image, PngImagePlugin

        said = PngImagePlugin.PngInfo()
        said.add_text(_INFO, base64.b64encode(packed_plain(dict(value.info)) or b"").decode())
        bare = Image.new(value.mode, value.size)
        bare.paste(value)
        file = io.BytesIO()
        bare.save(file, "PNG", pnginfo=said, compress_level=1)
        return (file.getbuffer(),)

    def decode(self, data: memoryview) -> Any:
        """The picture."""
        from PIL import Image

        try:
            with Image.open(io.BytesIO(data)) as opened:
                opened.load()
                bare = Image.new(opened.mode, opened.size)
                bare.paste(opened)
                info = opened.info.get(_INFO)
        except (OSError, SyntaxError) as error:
            raise ValueError(str(error)) from error
        if info is None:
            raise ValueError("no picture of Partita's")
        bare.info = unpack(base64.b64decode(info))
        return bare


CODECS = (Pictures(),)
