"""Arrow's tables, batches and arrays as Arrow IPC files, which are read where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.artifacts.blobs.hashing import Buffer

__all__ = ["CODECS", "read_table", "write_table"]

_KIND = b"partita.kind"


class ArrowTables:
    """An Arrow IPC file; tables keep the chunks that their columns share, arrays are a column without a name."""

    name = "arrow"

    def matches(self, value: Any) -> bool:
        """Whether it is a table, batch, array or chunked array of Arrow's own types."""
        import pyarrow

        if type(value) in (pyarrow.Table, pyarrow.RecordBatch):
            return _KIND not in (value.schema.metadata or {}) and all(map(_is_own, value.schema.types))
        return isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray)) and _is_own(value.type)

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The IPC file."""
        import pyarrow

        if isinstance(value, pyarrow.Table):
            return write_table(value, b"table")
        if isinstance(value, pyarrow.RecordBatch):
            return _write_batches([value.columns], value.schema, b"batch")
        schema = pyarrow.schema([("", value.type)])
        if isinstance(value, pyarrow.ChunkedArray):
            return _write_batches([[chunk] for chunk in value.chunks], schema, b"chunks")
        return _write_batches([[value]], schema, b"array")

    def decode(self, data: memoryview) -> Any:
        """The table, batch or array; its buffers are the view's."""
        import pyarrow

        table, kind = read_table(data)
        if kind == b"batch":
            columns = [column.chunk(0) if column.num_chunks else _empty(column.type) for column in table.columns]
            return pyarrow.RecordBatch.from_arrays(columns, schema=table.schema)
        if kind == b"chunks":
            return table.column(0)
        if kind == b"array":
            chunks = table.column(0).chunks
            return chunks[0] if len(chunks) == 1 else _empty(table.schema.field(0).type)
        return table


def _empty(type: Any) -> Any:
    import pyarrow

    return pyarrow.array([], type)


def _is_own(kind: Any) -> bool:
    """Whether no part of the type is one that a Python class defines, which other processes may not know."""
    import pyarrow

    if isinstance(kind, (pyarrow.ExtensionType, pyarrow.UnknownExtensionType)):
        return False
    inner = [getattr(kind, name) for name in ("value_type", "key_type", "item_type") if hasattr(kind, name)]
    if isinstance(kind, (pyarrow.StructType, pyarrow.UnionType)):
        inner.extend(kind.field(place).type for place in range(kind.num_fields))
    return all(map(_is_own, inner))


def _write_batches(batches: Sequence[Any], schema: Any, kind: bytes) -> Sequence[Buffer]:
    """Each as it is, also where it is empty, which a table would leave out: it perhaps has a dictionary."""
    import pyarrow

    schema = schema.with_metadata({**(schema.metadata or {}), _KIND: kind})
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(pyarrow.RecordBatch.from_arrays(batch, schema=schema))
    return (memoryview(sink.getvalue()),)


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
