"""Pickles of equal values as equal bytes, though their strings are shared otherwise.

A pickle names a string that it has met before instead of repeating it. What counts there is whether it is the same object, and
that depends on how a process came by it: a value that has been read from a pickle shares strings otherwise than one that was
typed in, and is pickled into other bytes. Then no cache finds it.
"""

from __future__ import annotations

import pickletools
import struct

__all__ = ["canonical"]

#: Larger pickles are left as they are: going through them takes microseconds for each thing in them.
_LARGEST_BYTES = 1 << 16

_STRINGS = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"})
#: What numbers memo entries by itself, as older protocols and other picklers do.
_NUMBERED = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "GET"})


def canonical(pickled: bytes) -> bytes:
    """The same value with each string once; what cannot be read so is left as it is."""
    if len(pickled) > _LARGEST_BYTES:
        return pickled
    steps = list(pickletools.genops(pickled))
    ends = [place or 0 for _, _, place in steps[1:]] + [len(pickled)]
    made = bytearray()
    numbers: list[int] = []  # by the number of an entry as it was: its number now
    known: dict[str, int] = {}  # string -> number of its entry
    count, at = 0, 0
    while at < len(steps):
        operation, told, place = steps[at]
        name = operation.name
        if name in _NUMBERED:
            return pickled
        if name in _STRINGS and at + 1 < len(steps) and steps[at + 1][0].name == "MEMOIZE":
            assert isinstance(told, str)
            if told in known:
                numbers.append(known[told])
                made += _get(known[told])
            else:
                known[told] = count
                numbers.append(count)
                count += 1
                made += pickled[place : ends[at + 1]]
            at += 2
            continue
        if name == "MEMOIZE":
            numbers.append(count)
            count += 1
        if name in ("BINGET", "LONG_BINGET"):
            assert isinstance(told, int)
            made += _get(numbers[told])
        elif name != "FRAME":  # what is left out here and there makes their lengths wrong, and they need not be there
            made += pickled[place : ends[at]]
        at += 1
    return bytes(made)


def _get(number: int) -> bytes:
    return b"h" + bytes([number]) if number < 256 else b"j" + struct.pack("<I", number)
