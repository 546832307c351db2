"""Who may what: by role, narrowed by the scopes of a token, and for an attempt by what it is an attempt of.

Pure: what is known of who asks and of what is asked goes in, a reason to refuse or none comes out. What is not in the table of
actions is refused to everybody, so that a new route is closed until somebody has said who may use it.
"""

from __future__ import annotations

from collections.abc import Iterable

from partita.errors import ForbiddenError
from partita.protocol.access import Identity, Role, as_role
from partita.protocol.actions import ACTIONS, ATTEMPT_ACTIONS, is_within

__all__ = ["allows", "refusal", "refusal_to_grant", "require"]


def allows(identity: Identity, action: str, *, run: str = "", step: int = -1, attempt: int = 0) -> bool:
    """Whether somebody may do something.

    Args:
        run: id of the run that it is done to; what an attempt asks is refused without it.
        step: of that run, where it is about one; `attempt` likewise.
    """
    return not refusal(identity, action, run=run, step=step, attempt=attempt)


def require(identity: Identity, action: str, *, run: str = "", step: int = -1, attempt: int = 0) -> None:
    """
    Raises:
        ForbiddenError: they may not.
    """
    reason = refusal(identity, action, run=run, step=step, attempt=attempt)
    if reason:
        raise ForbiddenError(reason)


def refusal(identity: Identity, action: str, *, run: str = "", step: int = -1, attempt: int = 0) -> str:
    """Why somebody may not do something, and who could; empty: they may."""
    least = ACTIONS.get(action)
    if least is None:
        return f"nobody may {action!r}: there is no such action; please report this as a fault"
    if identity.kind == "attempt":
        return _refusal_to_attempt(identity, action, run, step, attempt)
    if action == "attempts:report":
        return "only an attempt itself may tell how it goes, with the token that it was given"
    if not identity.role.includes(least):
        return (
            f"{identity.name} is {_article(identity.role)}, and {action} needs {_article(least)}; ask an administrator"
        )
    if identity.scopes and not any(is_within(action, scope) for scope in identity.scopes):
        return f"the token is only for {', '.join(sorted(identity.scopes))}, and not for {action}; make one that is"
    return ""


def refusal_to_grant(identity: Identity, role: str, scopes: Iterable[str], user: str = "") -> str:
    """Why somebody may not make a token of a role and scopes; empty: they may.

    Whoever may make tokens for others may make any role's. Everybody else only for themselves and of no more than they have:
    neither of a higher role, nor of more scopes than the token has with which they ask.
    """
    asked = tuple(scopes)
    if identity.kind == "attempt":
        return "an attempt makes no tokens"
    is_for_self = bool(user) and user == identity.name
    refused = refusal(identity, "tokens:own" if is_for_self else "tokens:write")
    if refused:
        return refused
    if not identity.role.includes(as_role(role)):
        return f"{identity.name} is {_article(identity.role)} and can make no token of {_article(as_role(role))}"
    if identity.scopes:
        over = [scope for scope in asked if not any(is_within(scope, own) for own in identity.scopes)]
        if over or not asked:
            wanted = ", ".join(over) or "everything"
            return f"the token is only for {', '.join(sorted(identity.scopes))} and cannot make one for {wanted}"
    return ""


def _refusal_to_attempt(identity: Identity, action: str, run: str, step: int, attempt: int) -> str:
    if action not in ATTEMPT_ACTIONS:
        return f"the token of an attempt is not for {action}"
    if not run or run != identity.run:
        return f"the token is of an attempt of the run {identity.run}, and says nothing about another"
    if action == "attempts:report" and (step, attempt) != (identity.step, identity.attempt):
        return f"the token is of attempt {identity.attempt} of step {identity.step}, and says nothing about another"
    return ""


def _article(role: Role) -> str:
    return f"a {role}" if role == Role.VIEWER else f"an {role}"
