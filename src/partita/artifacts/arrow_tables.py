"""Arrow's tables, batches and arrays as Arrow IPC files, which are read where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.artifacts.hashing import Buffer

__all__ = ["CODECS", "read_table", "write_table"]

_KIND = b"partita.kind"


class ArrowTables:
    """An Arrow IPC file; tables and batches keep their chunks, arrays are a column without a name."""

    name = "arrow"

    def matches(self, value: Any) -> bool:
        """Whether it is a table, batch, array or chunked array without Python objects."""
        import pyarrow

        if isinstance(value, pyarrow.Table):
            return type(value) is pyarrow.Table and _KIND not in (value.schema.metadata or {})
        if type(value) is pyarrow.RecordBatch:
            return _KIND not in (value.schema.metadata or {})
        return isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray)) and not isinstance(
            value.type, pyarrow.ExtensionType
        )

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The IPC file."""
        import pyarrow

        if isinstance(value, pyarrow.Table):
            return write_table(value, b"table")
        if isinstance(value, pyarrow.RecordBatch):
            return write_table(pyarrow.Table.from_batches([value]), b"batch")
        if isinstance(value, pyarrow.ChunkedArray):
            return write_table(pyarrow.table({"": value}), b"chunks")
        return write_table(pyarrow.table({"": value}), b"array")

    def decode(self, data: memoryview) -> Any:
        """The table, batch or array; its buffers are the view's."""
        import pyarrow

        table, kind = read_table(data)
        if kind == b"batch":
            batches = table.to_batches()
            return batches[0] if batches else pyarrow.RecordBatch.from_pylist([], schema=table.schema)
        if kind == b"chunks":
            return table.column(0)
        if kind == b"array":
            chunks = table.column(0).chunks
            return chunks[0] if len(chunks) == 1 else pyarrow.array([], table.schema.field(0).type)
        return table


def write_table(table: Any, kind: bytes) -> Sequence[Buffer]:
    """A table as an IPC file that says what it stands for."""
    import pyarrow

    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _KIND: kind})
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return (memoryview(sink.getvalue()),)


def read_table(data: memoryview) -> tuple[Any, bytes]:
    """The table of an IPC file and what it stands for.

    Raises:
        ValueError: it is none.
    """
    import pyarrow

    try:
        table = pyarrow.ipc.open_file(pyarrow.py_buffer(data)).read_all()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(str(error)) from error
    metadata = dict(table.schema.metadata or {})
    kind = metadata.pop(_KIND, b"table")
    return table.replace_schema_metadata(metadata or None), kind


CODECS = (ArrowTables(),)
