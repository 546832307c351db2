"""Whether a failed attempt is tried again, and when: evaluated in the worker, where the user's code may run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from partita.errors import CheckError, DefinitionError
from partita.units import duration_s

__all__ = ["retry_decision"]


def retry_decision(
    options: Mapping[str, Any], error: BaseException, attempt: int, random: Callable[[], float]
) -> tuple[bool, float]:
    """Whether the retry rule admits another attempt, and the seconds before it.

    The number of attempts is not looked at: the engine counts, since crashes have a count of their own.

    Args:
        options: what `worker_options` of the Profile holds, or an empty map.
        error: what the attempt raised.
        attempt: the number of the attempt that failed, from 1.
        random: gives a number from 0 to 1, for the jitter.
    """
    try:
        if not _admits(options.get("retry_on"), error):
            return False, 0.0
        return True, _delay_s(options, attempt, random)
    except Exception as fault:
        error.add_note(f"The retry rule itself failed, so there is no further attempt: {type(fault).__name__}: {fault}")
        return False, 0.0


def _admits(rule: Any, error: BaseException) -> bool:
    if rule is None:
        # What is written wrongly is written wrongly the next time too.
        return not isinstance(error, (DefinitionError, CheckError))
    if isinstance(rule, (tuple, list)):
        return isinstance(error, tuple(rule))
    if isinstance(rule, type):
        return isinstance(error, rule)
    return bool(rule(error))


def _delay_s(options: Mapping[str, Any], attempt: int, random: Callable[[], float]) -> float:
    rule, backoff = options.get("retry_delay"), options.get("backoff")
    if rule is None:
        rule = 1.0 if backoff is not None else 0.0
    if isinstance(rule, (tuple, list)):
        delay = float(rule[min(attempt, len(rule)) - 1])
    elif callable(rule):
        delay = duration_s(rule(attempt), "retry_delay")
    else:
        delay = float(rule)
        if backoff is not None:
            delay *= min(float(backoff) ** min(attempt - 1, 1000), 1e9)
    jitter = options.get("jitter")
    return delay * (1 + jitter * (2 * random() - 1)) if jitter else delay
