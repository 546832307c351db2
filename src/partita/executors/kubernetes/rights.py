"""What the launcher's calls need to be allowed in its namespace, and nothing more."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["RIGHTS", "Right", "role_rules"]


class Right(NamedTuple):
    """Some verbs on one kind of resource."""

    group: str  # API group; empty: the core's
    resource: str
    verbs: tuple[str, ...]
    is_of_own_secret: bool = False  # only on the Secret of the executor


RIGHTS = (
    Right("batch", "jobs", ("create", "list", "deletecollection")),
    Right("", "pods", ("list", "watch", "deletecollection")),
    Right("", "events", ("list", "watch")),
    Right("", "secrets", ("create",)),
    Right("", "secrets", ("update", "delete"), is_of_own_secret=True),
)


def role_rules(secret: str) -> list[dict[str, Any]]:
    """The rules of a Role for an executor whose Secret has this name."""
    return [
        {
            "apiGroups": [right.group],
            "resources": [right.resource],
            "verbs": list(right.verbs),
            **({"resourceNames": [secret]} if right.is_of_own_secret else {}),
        }
        for right in RIGHTS
    ]
