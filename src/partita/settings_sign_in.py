"""The table [sign_in]: by which OpenID provider people sign in to a server, and what they may then."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from partita.settings_tables import read_table

__all__ = ["SIGN_IN_KEYS", "SignInSettings", "as_sign_in"]

_ROLES = ("viewer", "editor", "admin")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """One provider."""

    issuer: str  # its address, as it calls itself in its tokens
    client_id: str  # how it calls this server
    client_secret: str = ""  # name of the variable that holds the client's secret; empty: there is none
    label: str = "Sign in"  # on the button
    scopes: tuple[str, ...] = ("openid", "email", "profile")  # what the provider is asked to tell
    name_claim: str = "email"  # what a person is called here
    groups_claim: str = "groups"  # where the provider lists their groups
    default_role: str = ""  # of whom no rule names; empty: they may not sign in
    roles: tuple[tuple[str, str], ...] = ()  # (rule, role): "group:x", "ann@x.org", "@x.org" or "*"
    allowed_domains: tuple[str, ...] = ()  # of e-mail addresses; none: all
    verified_email: bool = True  # an e-mail address counts only where the provider has verified it


def as_sign_in(value: Any) -> SignInSettings:
    """A table, or in the environment its JSON."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, Mapping):
        raise ValueError('a table [sign_in] with issuer and client_id (in the environment: {"issuer": "https://…", …})')
    values = read_table(value, {key: (key, parse) for key, parse in SIGN_IN_KEYS.items()}, "sign_in")
    missing = [key for key in ("issuer", "client_id") if key not in values]
    if missing:
        raise ValueError(f"{' and '.join(missing)} to sign_in, too")
    return SignInSettings(**values)


def _issuer(value: Any) -> str:
    expected = "the address of a provider, such as https://id.example.org"
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        host = (parts.hostname or "") if parts else ""
    except ValueError:
        raise ValueError(expected) from None
    if parts is None or not host or parts.query or parts.fragment or parts.username:
        raise ValueError(expected)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise ValueError(f"{expected}: with https, or whoever is between could sign in as anybody")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("a text")
    return value


def _variable(value: Any) -> str:
    # What is written here may be committed, and printed by `partita doctor`: it must not be the secret itself.
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", value):
        raise ValueError("the name of a secret or a variable that holds it, and not the secret itself")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item for item in value):
        raise ValueError('a list of texts, such as ["openid", "email"]')
    return tuple(value)


def _scopes(value: Any) -> tuple[str, ...]:
    scopes = _texts(value)
    return scopes if "openid" in scopes else ("openid", *scopes)


def _domains(value: Any) -> tuple[str, ...]:
    return tuple(item.removeprefix("@").lower() for item in _texts(value))


def _role(value: Any) -> str:
    if value not in _ROLES:
        raise ValueError(f"one of {', '.join(_ROLES)}")
    return str(value)


def _rules(value: Any) -> tuple[tuple[str, str], ...]:
    expected = 'a table of roles, such as { admin = ["group:ops"], editor = ["ann@example.org", "@example.org"] }'
    if not isinstance(value, Mapping):
        raise ValueError(expected)
    found = []
    for role, rules in value.items():
        for rule in _texts(rules):
            if not (rule == "*" or "@" in rule or (rule.startswith("group:") and rule != "group:")):
                raise ValueError(f'{expected}; "*" is everybody, and {rule!r} is nobody')
            found.append((rule if rule.startswith("group:") else rule.lower(), _role(role)))
    return tuple(found)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


#: Key in the table -> how it is read.
SIGN_IN_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "issuer": _issuer, "client_id": _text, "client_secret": _variable, "label": _text, "scopes": _scopes,
    "name_claim": _text, "groups_claim": _text, "default_role": _role, "roles": _rules, "allowed_domains": _domains,
    "verified_email": _flag,
}  # fmt: skip
