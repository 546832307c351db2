"""What an attempt sends when it launches a run of another flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.errors import DefinitionError
from partita.values import pack

if TYPE_CHECKING:
    from partita.worker.attempt import Attempt

__all__ = ["launch_request"]


def launch_request(
    attempt: Attempt, flow: Any, args: tuple[Any, ...], keywords: dict[str, Any], key: str
) -> dict[str, Any]:
    """The map of a LaunchRequest; the child run has the bundle of its parent, so that it names none.

    Raises:
        DefinitionError: it is not a flow.
    """
    from partita.flow.profiles import make_profile, profile_map

    if getattr(flow, "body", None) != "flow":
        raise DefinitionError(f"launch() takes a flow, not {flow!r}; decorate the function with @flow")
    args, keywords = flow.filled(args, keywords)
    encode = attempt.worker.values.encoder.encode
    nodes = [encode(value, None) for value in args]
    named = [encode(value, None) for value in keywords.values()]
    profile = profile_map(make_profile(flow, encode))
    return {
        "flow": flow.reference,
        "title": flow.name,
        "arguments": pack([nodes, list(keywords), named]),
        "profile": profile,
        "tags": list(profile["tags"]),
        "key": key,
        **flow.options.standing,
    }
