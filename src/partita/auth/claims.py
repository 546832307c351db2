"""What a provider says of a person -> what they are called here, and what they may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from partita.errors import SignInError
from partita.protocol.access import Role
from partita.settings_sign_in import SignInSettings

__all__ = ["Person", "person_of"]


class Person(NamedTuple):
    """Who has signed in, in our words."""

    name: str
    role: Role | None  # None: no rule names them; they may sign in only where somebody here has given them a role
    subject: str  # how the provider calls them


def person_of(claims: Mapping[str, Any], settings: SignInSettings) -> Person:
    """
    Raises:
        SignInError: the provider does not say what is needed, or not of whom may sign in.
    """
    email = _email(claims, settings)
    name = email if settings.name_claim == "email" else _at(claims, settings.name_claim)
    if not isinstance(name, str) or not name.strip():
        raise SignInError(_no_name(claims, settings))
    if settings.allowed_domains and _domain(email) not in settings.allowed_domains:
        raise SignInError(
            f"{email or name} may not sign in here: only addresses of {', '.join(settings.allowed_domains)} that the provider "
            "has verified may; sign in with one, or ask an administrator"
        )
    return Person(name.strip(), _role(email, _groups(claims, settings), settings), str(claims["sub"]))


def _email(claims: Mapping[str, Any], settings: SignInSettings) -> str:
    """The person's address in lower case; empty: there is none that counts."""
    email = claims.get("email")
    # Some providers write the word as a text.
    is_verified = claims.get("email_verified") in (True, "true") or not settings.verified_email
    if not isinstance(email, str) or not is_verified or email.count("@") != 1 or not email.isprintable():
        return ""
    return email.strip().lower()


def _domain(email: str) -> str:
    return email.rpartition("@")[2]


def _no_name(claims: Mapping[str, Any], settings: SignInSettings) -> str:
    if settings.name_claim != "email":
        return (
            f"the provider does not say {settings.name_claim!r} of you, which is the name_claim in [sign_in]; it says: "
            f"{_listed(claims)}"
        )
    if claims.get("email"):
        return (
            "the provider has not verified your e-mail address; verify it there, or, where it never says so, an administrator "
            "can set verified_email = false in [sign_in]"
        )
    return (
        "the provider does not say your e-mail address; an administrator can have it told to this client there, or set another "
        f"name_claim in [sign_in]: it says {_listed(claims)}"
    )


def _listed(claims: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, claims)))


def _groups(claims: Mapping[str, Any], settings: SignInSettings) -> frozenset[str]:
    found = _at(claims, settings.groups_claim)
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(item for item in found if isinstance(item, str)) if isinstance(found, list) else frozenset()


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by the way to it: "realm_access.roles"."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _role(email: str, groups: frozenset[str], settings: SignInSettings) -> Role | None:
    """The highest of those that the rules give."""
    given = [Role(role) for rule, role in settings.roles if _names(rule, email, groups)]
    if not given:
        return Role(settings.default_role) if settings.default_role else None
    return max(given, key=list(Role).index)


def _names(rule: str, email: str, groups: frozenset[str]) -> bool:
    if rule.startswith("group:"):
        return rule.removeprefix("group:") in groups
    if rule.startswith("@"):
        return bool(email) and _domain(email) == rule[1:]
    return rule == "*" or (bool(email) and email == rule)
