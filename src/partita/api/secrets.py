"""Routes of secrets, by name. No value is ever given back, nor noted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field, SecretStr

from partita.api.asking import Asked
from partita.api.parameters import Body
from partita.api.routes import API, Routes
from partita.errors import ConflictError, OptionError
from partita.protocol.retention import RetentionRecord
from partita.protocol.secrets import SecretChange, SecretView

__all__ = ["routes"]

routes = Routes(prefix=API, tags=["secrets"])

Name = Annotated[str, Path(pattern="^[A-Za-z_][A-Za-z0-9_]{0,199}$", description="The name of a variable.")]


class SecretBody(Body):
    """A secret's value."""

    value: SecretStr = Field(min_length=1, max_length=16 << 10)


class RetainBody(Body):
    """Whether anything goes."""

    dry_run: bool = Field(default=False, description="Only tell what would go.")


@routes.reads("/secrets", needs="secrets:read", gives=list[SecretView])
def secrets(asked: Asked) -> Any:
    """All secrets, by name."""
    return asked.workspace.secrets()


@routes.replaces("/secrets/{name}", needs="secrets:write", gives=SecretChange)
def set_secret(asked: Asked, name: Name, body: SecretBody) -> Any:
    """Store a value, or another one; attempts that start from now on get it."""
    change = asked.workspace.set_secret(name, body.value.get_secret_value(), by=asked.actor)
    return change


@routes.removes("/secrets/{name}", needs="secrets:write", status=204)
def remove_secret(asked: Asked, name: Name) -> None:
    """Forget a secret."""
    asked.workspace.remove_secret(name, by=asked.actor)


@routes.changes("/secret-keys", needs="secrets:write", gives={"type": "object"})
def rekey_secrets(asked: Asked) -> Any:
    """Encrypt all of them anew, with a new key; gives how many."""
    return {"count": asked.workspace.rekey_secrets(by=asked.actor)}


@routes.reads("/retention", needs="settings:read", gives=list[RetentionRecord])
def retained(asked: Asked) -> Any:
    """What went by the setting `retention`, the latest last."""
    return asked.workspace.retained()


@routes.changes("/retention", needs="store:prune", gives=RetentionRecord)
def retain(asked: Asked, body: RetainBody | None = None) -> Any:
    """Let go of what the setting `retention` says, now."""
    is_dry = (body or RetainBody()).dry_run
    with asked.heavy():
        try:
            record = asked.workspace.retain(dry_run=is_dry)
        except OptionError as error:  # nothing is wrong with what was asked: the setting says nothing
            raise ConflictError(str(error)) from None
    if not is_dry:
        asked.note("store.retain", "", **record["counts"])
    return record
