"""How a run stands beside others: whose it is, what it counts for, and before whom it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from partita.errors import OptionError

__all__ = [
    "LONGEST_OWNER",
    "MOST_PRIORITY",
    "MOST_WEIGHT",
    "Standing",
    "owner_of",
    "priority_of",
    "said",
    "standing_of",
    "weight_of",
]

#: Priorities lie between this and its negative: who waits gains one in ten seconds, and would not live to see more.
MOST_PRIORITY = 1000
#: Weights lie between this and one over it.
MOST_WEIGHT = 1000.0
LONGEST_OWNER = 100


class Standing(NamedTuple):
    """Of one run."""

    owner: str = ""  # whose runs share what one owner gets; empty: nobody's
    weight: float = 1.0  # how much it gets beside a run of weight 1
    priority: int = 0  # added to that of each of its steps


def owner_of(value: object, name: str = "owner") -> str:
    """
    Raises:
        OptionError: it is no name.
    """
    if isinstance(value, str) and value.strip() == value and value.isprintable() and len(value) <= LONGEST_OWNER:
        return value
    raise OptionError(f'{name}={value!r} is not a name; give a short text, such as "reports"')


def weight_of(value: object, name: str = "weight") -> float:
    """
    Raises:
        OptionError: it is no weight.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 / MOST_WEIGHT <= value <= MOST_WEIGHT:
        raise OptionError(
            f"{name}={value!r} is not a weight; give a number from {1 / MOST_WEIGHT:g} to {MOST_WEIGHT:g}, such as 2 for "
            "twice what other runs get"
        )
    return float(value)


def priority_of(value: object, name: str = "priority") -> int:
    """
    Raises:
        OptionError: it is no priority.
    """
    if isinstance(value, int) and not isinstance(value, bool) and -MOST_PRIORITY <= value <= MOST_PRIORITY:
        return value
    raise OptionError(
        f"{name}={value!r} is not a priority; give a whole number from {-MOST_PRIORITY:,} to {MOST_PRIORITY:,}"
    )


def said(given: Mapping[str, Any]) -> dict[str, Any]:
    """Owner, weight and priority, as far as they are said; an empty owner and None are not.

    Raises:
        OptionError: one of them cannot be.
    """
    found: dict[str, Any] = {}
    if given.get("owner"):
        found["owner"] = owner_of(given["owner"])
    if given.get("weight") is not None:
        found["weight"] = weight_of(given["weight"])
    if given.get("priority") is not None:
        found["priority"] = priority_of(given["priority"])
    return found


def standing_of(launched: Mapping[str, Any], flow: Mapping[str, Any]) -> Standing:
    """The standing of a run.

    Args:
        launched: what was said when it was launched, as `said` gives it, and as "user" who did.
        flow: what the options of its flow say, as `said` gives it.
    """
    both = {**flow, **launched}
    return Standing(both.get("owner") or launched.get("user") or "", both.get("weight", 1.0), both.get("priority", 0))
