"""The memory that attempts are admitted with where their task declares none, by what attempts of its like have held."""

from __future__ import annotations

import math

__all__ = ["admitted_bytes"]

#: Memory that is learned counts from this share of an executor's memory for each of its cores on.
_NOTED_SHARE = 8
#: Above what nine of ten attempts need, for the tenth.
_MARGIN = 1.2


def admitted_bytes(needed_bytes: float, capacity_bytes: float, cores: float) -> int:
    """What an attempt is to have, in few sizes, so that attempts of about one size share lanes; 0: it does not matter.

    Args:
        needed_bytes: nine of ten attempts hold no more.
        capacity_bytes: of the executor.
        cores: likewise.
    """
    if needed_bytes < capacity_bytes / max(cores, 1.0) / _NOTED_SHARE:
        return 0
    return int(min(2.0 ** (math.ceil(4.0 * math.log2(needed_bytes * _MARGIN)) / 4.0), capacity_bytes))
