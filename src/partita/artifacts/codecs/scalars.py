"""Small exact values of Python's own library and of NumPy: times with zones, decimals, UUIDs, sets and the like."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

from partita.artifacts.blobs.hashing import Buffer
from partita.values import pack, unpack

__all__ = ["CODECS"]

#: Python reads 4,300 digits, unless it is told to read fewer.
_LONGEST_BITS = 14_000

_ATOMS = frozenset({type(None), bool, int, float, str, bytes, complex})


class Scalars:
    """[kind, what it takes to make the value], in MessagePack."""

    name = "scalar"

    def matches(self, value: Any) -> bool:
        """Whether it is one of the kinds, with a time zone that another process can make."""
        kind = type(value)
        if kind is datetime or kind is time:
            zone = value.tzinfo
            return zone is None or type(zone) is timezone or (type(zone) is ZoneInfo and zone.key is not None)
        if kind is set or kind is frozenset:
            return _ATOMS.issuperset(map(type, value)) and not any(item != item for item in value) and _are_short(value)
        if kind is int or kind is range or kind is Fraction:
            return _are_short(_integers(value))
        return kind in _FORMS and (kind is not UUID or value.is_safe is SafeUUID.unknown)

    def encode(self, value: Any) -> Sequence[Buffer]:
        """Its kind and its parts."""
        kind = type(value)
        return (pack([kind.__name__, *_FORMS[kind][0](value)]),)

    def decode(self, data: memoryview) -> Any:
        """The value."""
        name, *parts = unpack(bytes(data))
        for kind, (_, make) in _FORMS.items():
            if kind.__name__ == name:
                return make(*parts)
        raise ValueError(f"there is no kind {name!r}")


class NumpyScalars:
    """A NumPy scalar: the name of its type and its bytes."""

    name = "numpy-scalar"

    def matches(self, value: Any) -> bool:
        """Whether it is a number, time or text of NumPy."""
        numpy = sys.modules.get("numpy")
        return (
            numpy is not None
            and isinstance(value, numpy.generic)
            and type(value) is value.dtype.type
            and value.dtype.kind in "?biufcmMSU"
        )

    def encode(self, value: Any) -> Sequence[Buffer]:
        """The type, then the bytes."""
        return (pack([value.dtype.str, value.tobytes()]),)

    def decode(self, data: memoryview) -> Any:
        """The scalar."""
        import numpy

        name, body = unpack(bytes(data))
        dtype = numpy.dtype(name)
        if dtype.kind in "SU":  # not by an array, which takes zeros at the end for what is not there
            body = body[: dtype.itemsize]  # of an empty text, NumPy gives some bytes
        if dtype.kind == "S":
            return dtype.type(body)
        if dtype.kind == "U":
            return dtype.type(body.decode("utf-32-le" if dtype.str[0] == "<" else "utf-32-be", "surrogatepass"))
        return numpy.frombuffer(body, dtype, 1)[0]


def _integers(value: Any) -> list[Any]:
    if isinstance(value, range):
        return [value.start, value.stop, value.step]
    return [value.numerator, value.denominator]


def _are_short(items: Iterable[Any]) -> bool:
    """Whether every process reads the digits of the integers among them."""
    return all(type(item) is not int or item.bit_length() <= _LONGEST_BITS for item in items)


def _zone(zone: tzinfo | None) -> list[Any] | None:
    if zone is None:
        return None
    if isinstance(zone, ZoneInfo):
        return [zone.key]
    if zone is UTC:
        return []
    offset = zone.utcoffset(None)
    assert offset is not None
    return [*_of_delta(offset), None if _is_unnamed(zone) else zone.tzname(None)]


def _is_unnamed(zone: tzinfo) -> bool:
    return len(zone.__reduce__()[1]) == 1


def _make_zone(parts: list[Any] | None) -> tzinfo | None:
    if parts is None:
        return None
    if not parts:
        return UTC
    if len(parts) == 1:
        return ZoneInfo(parts[0])
    days, seconds, microseconds, name = parts
    offset = timedelta(days, seconds, microseconds)
    return timezone(offset) if name is None else timezone(offset, name)


def _of_delta(value: timedelta) -> list[Any]:
    return [value.days, value.seconds, value.microseconds]


def _of_time(value: Any) -> list[Any]:
    return [value.hour, value.minute, value.second, value.microsecond, value.fold, _zone(value.tzinfo)]


def _make_datetime(*parts: Any) -> datetime:
    *numbers, fold, zone = parts
    made: datetime = datetime(*numbers, fold=fold)
    return made.replace(tzinfo=_make_zone(zone))


def _make_time(*parts: Any) -> time:
    *numbers, fold, zone = parts
    made: time = time(*numbers, fold=fold)
    return made.replace(tzinfo=_make_zone(zone))


def _of_atom(value: Any) -> list[Any]:
    if type(value) is complex:
        return ["complex", value.real, value.imag]
    return ["int", str(value)] if type(value) is int else ["", value]


def _make_atom(kind: str, *parts: Any) -> Any:
    return complex(*parts) if kind == "complex" else int(parts[0]) if kind == "int" else parts[0]


def _of_set(value: Any) -> list[Any]:
    return [sorted((_of_atom(item) for item in value), key=pack)]


#: By type: its parts, and how they make it again.
_FORMS: dict[type, tuple[Callable[[Any], Sequence[Any]], Callable[..., Any]]] = {
    Decimal: (lambda value: [str(value)], Decimal),
    Fraction: (lambda value: [str(value)], Fraction),
    UUID: (lambda value: [value.bytes], lambda data: UUID(bytes=data)),
    bytearray: (lambda value: [bytes(value)], bytearray),
    complex: (lambda value: [value.real, value.imag], complex),
    date: (lambda value: [value.year, value.month, value.day], date),
    datetime: (lambda value: [value.year, value.month, value.day, *_of_time(value)], _make_datetime),
    frozenset: (_of_set, lambda items: frozenset(_make_atom(*item) for item in items)),
    int: (lambda value: [str(value)], int),
    range: (lambda value: [str(value.start), str(value.stop), str(value.step)], lambda *ends: range(*map(int, ends))),
    set: (_of_set, lambda items: {_make_atom(*item) for item in items}),
    time: (_of_time, _make_time),
    timedelta: (_of_delta, timedelta),
}

CODECS = (Scalars(), NumpyScalars())
