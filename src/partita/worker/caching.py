"""Asking whether an equal step has computed the value already, where a function of the user says what is equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.errors import DefinitionError
from partita.flow.arrival import without_reserved
from partita.values import is_plain

if TYPE_CHECKING:
    from partita.worker.attempt import Attempt

__all__ = ["cached_value"]


def cached_value(attempt: Attempt) -> bytes | None:
    """The packed value that the cache has; None: the attempt has to compute it.

    Raises:
        DefinitionError: the function gave what cannot be a key. What it raises passes through.
    """
    from partita.flow.context import context

    if attempt.extra is not None and "result" in attempt.extra:
        return None  # an undo
    make_key = attempt.worker_options()["cache_key"]
    values, keywords = attempt.open_arguments()
    key = _plain(make_key(*values, **without_reserved(keywords)))
    if not is_plain(key):
        raise DefinitionError(
            f"cache_key of {attempt.profile.title} gave {type(key).__name__}; "
            "give texts, numbers, None, or lists and dicts of them"
        )
    found: bytes | None = context().ask("cached", {"key": key})  # type: ignore[attr-defined]
    return found


def _plain(key: Any) -> Any:
    return [_plain(item) for item in key] if isinstance(key, tuple) else key
