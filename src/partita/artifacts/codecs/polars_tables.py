"""polars' tables and series as Arrow IPC files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from partita.artifacts.blobs.hashing import Buffer

__all__ = ["CODECS"]


class PolarsTables:
    """One letter for what it is ("f" frame, "s" series), then the IPC file that polars writes."""

    name = "polars"

    def matches(self, value: Any) -> bool:
        """Whether it is a frame or series without Python objects."""
        import polars

        if type(value) is polars.Series:
            return _is_kept(value.dtype)
        return type(value) is polars.DataFrame and value.width > 0 and all(map(_is_kept, value.dtypes))

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The letter and the file."""
        import polars

        is_series = isinstance(value, polars.Series)
        file = io.BytesIO()
        (value.to_frame() if is_series else value).write_ipc(file, compression="uncompressed")
        return (b"s" if is_series else b"f", file.getbuffer())

    def decode(self, data: memoryview) -> Any:
        """The frame or series."""
        import polars

        try:
            frame = polars.read_ipc(bytes(data[1:]))
        except (polars.exceptions.PolarsError, OSError) as error:
            raise ValueError(str(error)) from error
        return frame.to_series() if data[0] == ord("s") else frame


def _is_kept(dtype: Any) -> bool:
    """Whether no part of the type is a Python object."""
    import polars

    if isinstance(dtype, polars.Struct):
        return all(_is_kept(field.dtype) for field in dtype.fields)
    return _is_kept(dtype.inner) if isinstance(dtype, (polars.Array, polars.List)) else dtype != polars.Object


CODECS = (PolarsTables(),)
