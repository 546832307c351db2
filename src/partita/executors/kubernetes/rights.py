"""What the launcher's calls need to be allowed in its namespace, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["NAMED_SECRET", "OWN_SECRET", "RIGHTS", "Right", "role_rules"]


class Right(NamedTuple):
    """Some verbs on one kind of resource."""

    group: str  # API group; empty: the core's
    resource: str
    verbs: tuple[str, ...]


#: Of every launcher, in the whole namespace.
RIGHTS = (
    Right("batch", "jobs", ("create", "list", "deletecollection")),
    Right("", "pods", ("list", "watch", "deletecollection")),
    Right("", "events", ("list", "watch")),
)

#: Of a launcher whose settings name a Secret that is there: on that one.
NAMED_SECRET = Right("", "secrets", ("update",))

#: Of a launcher that makes its Secret, and removes it when nobody needs it: names cannot be known before.
OWN_SECRET = Right("", "secrets", ("create", "update", "delete"))


def role_rules(secrets: Sequence[str]) -> list[dict[str, Any]]:
    """The rules of a Role for executors whose Secrets have these names and are there."""
    rules = [_rule(right) for right in RIGHTS]
    return [*rules, {**_rule(NAMED_SECRET), "resourceNames": list(secrets)}] if secrets else rules


def _rule(right: Right) -> dict[str, Any]:
    return {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
