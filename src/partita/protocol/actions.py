"""What can be done in a workspace, and the least role that may do it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from partita.errors import OptionError
from partita.protocol.access import Role

__all__ = ["ACTIONS", "ATTEMPT_ACTIONS", "SCOPES", "checked_scopes", "is_within"]

_V, _E, _A = Role.VIEWER, Role.EDITOR, Role.ADMIN

#: Action -> the least role that may do it. What is not here, nobody may.
ACTIONS: Mapping[str, Role] = MappingProxyType({
    "runs:read": _V,  # runs, steps, attempts, logs, waits, their explanations
    "runs:launch": _E, "runs:cancel": _E, "runs:resume": _E, "runs:rerun": _E,
    "runs:delete": _A,
    "events:send": _E, "waits:decide": _E,
    "flows:read": _V,  # flows, their versions, checks and plans
    "flows:publish": _E, "flows:promote": _E,
    "artifacts:read": _V,
    "artifacts:delete": _A,
    "models:read": _V,
    "models:write": _E,  # aliases, descriptions
    "models:gates": _A,  # to say what an alias's gates are, or to move it without them
    "models:delete": _A,
    "studies:read": _V, "studies:write": _E,
    "cache:read": _V, "cache:clear": _E,
    "history:read": _V, "history:forget": _E,
    "environments:read": _V, "environments:prune": _A,
    "components:read": _V,
    "executors:read": _V, "executors:probe": _E,
    "engine:read": _V, "engine:stop": _A,
    "settings:read": _V, "settings:write": _A,
    "metrics:read": _V,
    "secrets:read": _A,  # their names
    "secrets:write": _A,
    "tokens:own": _V,  # to see, make and revoke one's own, none of which may more than oneself
    "tokens:read": _A, "tokens:write": _A,
    "sessions:own": _V,  # to see and end one's own
    "sessions:read": _A, "sessions:write": _A,
    "users:read": _A, "users:write": _A,
    "audit:read": _A,
    "store:prune": _A, "store:backup": _A,
    "attempts:report": _E,  # what only the attempt itself may: to tell how it goes
})  # fmt: skip

#: What an attempt's own token may, each of its own run only.
ATTEMPT_ACTIONS = frozenset({"runs:read", "artifacts:read", "attempts:report"})


#: What a token's scopes can say: everything, all that is done to one sort of thing, or an action.
SCOPES = ("*", *sorted({f"{action.partition(':')[0]}:*" for action in ACTIONS}), *ACTIONS)


def is_within(action: str, scope: str) -> bool:
    """Whether a scope reaches an action, or all of another scope: "runs:*" reaches "runs:read" and itself."""
    return scope in ("*", action) or (scope.endswith(":*") and action.startswith(scope[:-1]))


def checked_scopes(scopes: object) -> tuple[str, ...]:
    """Scopes in their order, without those that are there twice.

    Raises:
        OptionError: one of them reaches nothing.
    """
    if not isinstance(scopes, (list, tuple, set, frozenset)):
        raise OptionError(f'scopes={scopes!r} is no list; give texts such as ["runs:read"]')
    for scope in scopes:
        if scope not in SCOPES:
            rooms = ", ".join(dict.fromkeys(action.partition(":")[0] for action in ACTIONS))
            raise OptionError(
                f'there is no scope {scope!r}; give an action such as "runs:read", or "runs:*" for all of: {rooms}'
            )
    return tuple(sorted(set(scopes)))
