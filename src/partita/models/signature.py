"""What a model takes and gives: columns or tensors with their types and shapes, inferred from data and checked against rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from partita.errors import SignatureError

__all__ = ["Field", "Signature", "infer_signature"]

#: What may stand for what: by the kind that is asked for, the kinds of NumPy that do no harm to it.
_FITTING = {"float": "fiu", "int": "iub", "bool": "b", "complex": "cfiu"}
_SHOWN = 12
_LOOKED_AT = 1000  # values of a column of objects, for what they are

_TABLE, _TENSOR, _TENSORS, _TEXTS = "table", "tensor", "tensors", "texts"


class Field(NamedTuple):
    """A column or a tensor."""

    name: str  # empty: it has none
    type: str  # "float64", "int64", "bool", "str", "category", "datetime64[ns]", "object", ...
    shape: tuple[int | None, ...]  # None: any number, as of rows

    def __str__(self) -> str:
        rest = self.shape[1:]
        told = f"{self.type}[{', '.join('?' if size is None else str(size) for size in rest)}]" if rest else self.type
        return f"{self.name}: {told}" if self.name else told


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives."""

    kind: str  # of its inputs: "table" (columns by name), "tensor", "tensors" (by name) or "texts"
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...] = ()  # empty: not known
    classes: tuple[Any, ...] | None = (
        None  # what it tells apart; None: it tells no classes apart, or they are not known
    )
    has_probabilities: bool = False  # whether it gives those of its classes

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(field.name for field in self.inputs)

    def check(self, rows: Any) -> Any:
        """The rows as the model takes them: the columns of a data frame in its order, lists as arrays.

        Raises:
            SignatureError: they do not fit; lists what is missing, what is too much, and what is of another type or shape.
        """
        if self.kind == _TABLE:
            return _checked_table(self, rows)
        if self.kind == _TEXTS:
            return _checked_texts(rows)
        if self.kind == _TENSORS:
            return _checked_tensors(self, rows)
        return _checked_tensor(self.inputs[0], rows, "the rows")

    def plain(self) -> dict[str, Any]:
        """The signature as plain data."""
        return {
            "kind": self.kind, "inputs": [_plain(field) for field in self.inputs],
            "outputs": [_plain(field) for field in self.outputs],
            "classes": None if self.classes is None else list(self.classes), "has_probabilities": self.has_probabilities,
        }  # fmt: skip

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Signature:
        """The signature that `plain` gave."""
        classes = plain.get("classes")
        return cls(
            plain["kind"], tuple(_field(item) for item in plain["inputs"]),
            tuple(_field(item) for item in plain.get("outputs") or ()), None if classes is None else tuple(classes),
            bool(plain.get("has_probabilities")),
        )  # fmt: skip

    def __str__(self) -> str:
        def listed(fields: Sequence[Field]) -> str:
            return ", ".join(map(str, fields[:_SHOWN])) + (", ..." if len(fields) > _SHOWN else "")

        told = f"({listed(self.inputs)})"
        if self.classes is not None:
            some = ", ".join(map(str, self.classes[:_SHOWN])) + (", ..." if len(self.classes) > _SHOWN else "")
            return f"{told} -> one of {some}"
        return f"{told} -> {listed(self.outputs) or '?'}"


def infer_signature(rows: Any, predictions: Any = None, probabilities: Any = None, classes: Any = None) -> Signature:
    """The signature of a model that takes rows such as these.

    Args:
        rows: a data frame; an array (rows, ...); a dict of arrays; a list of texts.
        predictions: what it gives for them: (rows,) or (rows, ...).
        probabilities: (rows, classes), where it gives them.
        classes: (classes,), what it tells apart.

    Raises:
        SignatureError: they are no rows.
    """
    kind, inputs = _inputs(rows)
    outputs = () if predictions is None else _outputs(predictions)
    told = None if classes is None else tuple(_item(one) for one in classes)
    return Signature(kind, inputs, outputs, told, probabilities is not None)


def _inputs(rows: Any) -> tuple[str, tuple[Field, ...]]:
    if hasattr(rows, "columns") and hasattr(rows, "dtypes"):
        names = [str(name) for name in rows.columns]
        if len(set(names)) < len(names):
            raise SignatureError("the data frame has columns of the same name; give each its own")
        return _TABLE, tuple(Field(name, _type(column), (None,)) for name, column in _columns(rows))
    if isinstance(rows, Mapping):
        return _TENSORS, tuple(_tensor(str(name), _array(item)) for name, item in rows.items())
    if isinstance(rows, (list, tuple)) and rows and all(isinstance(row, str) for row in rows):
        return _TEXTS, (Field("", "str", (None,)),)
    if type(rows).__name__ == "Series" and hasattr(rows, "name"):
        return (
            (_TEXTS, (Field("", "str", (None,)),)) if _type(rows) == "str" else (_TENSOR, (_tensor("", _array(rows)),))
        )
    if hasattr(rows, "toarray"):
        return _TENSOR, (Field("", str(rows.dtype), (None, *map(int, rows.shape[1:]))),)
    found = _array(rows)
    if not found.ndim:
        raise SignatureError(f"{rows!r} is no row; give an array of rows, a data frame, or a list of texts")
    if found.dtype.kind in "US" and found.ndim == 1:
        return _TEXTS, (Field("", "str", (None,)),)
    return _TENSOR, (_tensor("", found),)


def _outputs(predictions: Any) -> tuple[Field, ...]:
    if isinstance(predictions, Mapping):
        return tuple(_tensor(str(name), _array(item)) for name, item in predictions.items())
    if hasattr(predictions, "columns") and hasattr(predictions, "dtypes"):
        return tuple(Field(name, _type(column), (None,)) for name, column in _columns(predictions))
    return (_tensor("", _array(predictions)),)


def _columns(frame: Any) -> list[tuple[str, Any]]:
    if hasattr(frame, "get_columns"):
        return [(str(column.name), column) for column in frame.get_columns()]
    return [(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)]


def _type(column: Any) -> str:
    told = str(column.dtype).lower()
    if told in ("object", "string", "str", "utf8") or told.startswith("string"):
        values = column.dropna().head(_LOOKED_AT) if hasattr(column, "dropna") else column.drop_nulls().head(_LOOKED_AT)
        return "str" if all(isinstance(value, str) for value in values) else "object"
    return "bool" if told == "boolean" else "category" if told.startswith(("category", "categorical", "enum")) else told


def _array(rows: Any) -> Any:
    import numpy

    if type(rows).__module__.partition(".")[0] == "torch":
        rows = rows.detach().cpu().numpy()
    try:
        return numpy.asarray(rows)
    except ValueError as error:
        raise SignatureError(f"the rows make no array: {error}; give rows of the same length") from None


def _tensor(name: str, found: Any) -> Field:
    told = "str" if found.dtype.kind in "US" else str(found.dtype)
    if told == "object" and all(isinstance(item, str) for item in found.reshape(-1)[:_LOOKED_AT]):
        told = "str"
    return Field(name, told, (None, *map(int, found.shape[1:])))


def _checked_table(signature: Signature, rows: Any) -> Any:
    names = signature.names
    if isinstance(rows, Mapping):
        rows = _frame({name: _array(item) for name, item in rows.items()})
    elif isinstance(rows, (list, tuple)) and rows and all(isinstance(row, Mapping) for row in rows):
        rows = _frame(list(rows))
    elif not (hasattr(rows, "columns") and hasattr(rows, "dtypes")):
        found = _array(rows)
        if found.ndim != 2 or found.shape[1] != len(names):
            raise SignatureError(
                f"the rows are to have the {len(names)} columns {', '.join(names[:_SHOWN])}, and are of the shape {found.shape}"
            )
        rows = _frame(found, columns=list(names))
    columns = dict(_columns(rows))
    problems = [
        f"the column {field.name} ({field.type}) is missing" for field in signature.inputs if field.name not in columns
    ]
    known = set(names)
    problems += [f"there is a column {name} that it does not know" for name in columns if name not in known]
    for field in signature.inputs:
        column = columns.get(field.name)
        if column is not None and not _fits(field.type, _type(column), column):
            problems.append(f"the column {field.name} is {_type(column)}, and is to be {field.type}")
    if problems:
        raise SignatureError(_listed(problems))
    if [str(name) for name in rows.columns] == list(names):
        return rows
    return rows.select(list(names)) if hasattr(rows, "get_columns") else rows[list(names)]


def _frame(rows: Any, **options: Any) -> Any:
    import pandas

    return pandas.DataFrame(rows, **options)


def _checked_texts(rows: Any) -> Any:
    told = rows.tolist() if hasattr(rows, "tolist") else rows
    if isinstance(told, str) or not isinstance(told, (list, tuple)):
        raise SignatureError(f"the rows are to be a list of texts, and are {type(rows).__name__}")
    wrong = next((number for number, row in enumerate(told) if not isinstance(row, str)), None)
    if wrong is not None:
        raise SignatureError(f"row {wrong} is {told[wrong]!r}, and is to be a text")
    return rows


def _checked_tensors(signature: Signature, rows: Any) -> dict[str, Any]:
    if hasattr(rows, "columns") and hasattr(rows, "dtypes"):
        rows = {str(name): rows[name] for name in rows.columns}
    if not isinstance(rows, Mapping):
        if len(signature.inputs) != 1:
            raise SignatureError(f"the inputs {', '.join(signature.names)} are to be given as a dict by these names")
        rows = {signature.names[0]: rows}
    problems = [f"the input {field} is missing" for field in signature.inputs if field.name not in rows]
    problems += [f"there is an input {name} that it does not know" for name in rows if name not in signature.names]
    made: dict[str, Any] = {}
    for field in signature.inputs:
        if field.name in rows:
            try:
                made[field.name] = _checked_tensor(field, rows[field.name], f"the input {field.name}")
            except SignatureError as error:
                problems.append(str(error))
    if problems:
        raise SignatureError(_listed(problems))
    return made


def _checked_tensor(field: Field, rows: Any, what: str) -> Any:
    if hasattr(rows, "toarray") and len(field.shape) == 2:
        found, given = rows, rows
    else:
        given = rows if type(rows).__module__.partition(".")[0] in ("numpy", "torch") else _array(rows)
        found = _array(given)
    problems = []
    shape = tuple(found.shape)
    if len(shape) != len(field.shape) or any(
        want is not None and want != got for want, got in zip(field.shape, shape, strict=True)
    ):
        wanted = ", ".join(
            "rows" if number == 0 else "?" if size is None else str(size) for number, size in enumerate(field.shape)
        )
        problems.append(f"of the shape {shape}, and to be of ({wanted})")
    told = "str" if found.dtype.kind in "US" else str(found.dtype)
    if not _fits(field.type, told, found):
        problems.append(f"{told}, and to be {field.type}")
    if problems:
        raise SignatureError(
            f"{what} are {'; they are '.join(problems)}"
            if what == "the rows"
            else f"{what} is {'; it is '.join(problems)}"
        )
    return given


def _fits(wanted: str, given: str, values: Any) -> bool:
    if wanted == given or wanted == "object":
        return True
    if wanted in ("str", "category"):
        return given in ("str", "category") or (given == "object" and not len(values))
    if given == "object" and wanted != "object":
        return False
    kind = wanted.rstrip("0123456789_").replace("uint", "int")
    fitting = _FITTING.get(kind)
    if fitting is None:
        return given.partition("[")[0] == wanted.partition("[")[0]
    first = {"float": "f", "int": "i", "uint": "u", "bool": "b", "complex": "c"}.get(given.rstrip("0123456789_"), "?")
    return first in fitting or (kind == "float" and first == "b")


def _listed(problems: list[str]) -> str:
    more = len(problems) - _SHOWN
    return "; ".join(problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else "") + "; see the model's signature"


def _plain(field: Field) -> list[Any]:
    return [field.name, field.type, list(field.shape)]


def _field(item: Sequence[Any]) -> Field:
    name, kind, shape = item
    return Field(str(name), str(kind), tuple(shape))


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
