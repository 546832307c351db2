"""What clients ask of secrets: a part of the port of workspaces, and how it is answered on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from partita.protocol.access import Actor
from partita.protocol.secrets import SecretChange, SecretView, checked_name, checked_value
from partita.workspace.access import actor_of

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["LocalSecrets", "Secrets"]


class Secrets(Protocol):
    """The secrets of a workspace, by name. No value is ever given back. Every change is in the audit."""

    def secrets(self) -> list[SecretView]:
        """All of them, by name."""
        ...

    def set_secret(self, name: str, value: str, by: Actor | str = "") -> SecretChange:
        """Store a value, or another one; attempts that start from now on get it."""
        ...

    def remove_secret(self, name: str, by: Actor | str = "") -> None:
        """Forget a secret."""
        ...

    def rekey_secrets(self, by: Actor | str = "") -> int:
        """Encrypt all of them anew, with a new key; gives how many."""
        ...


class LocalSecrets:
    """A part of `LocalWorkspace`."""

    @property
    def _here(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    def secrets(self) -> list[SecretView]:
        if not self._here.state.exists():
            return []
        found: list[SecretView] = self._here.ask("secrets")
        return found

    def set_secret(self, name: str, value: str, by: Actor | str = "") -> SecretChange:
        name = checked_name(name)
        value = checked_value(name, value)
        change: SecretChange = self._here.ask("secret_set", name=name, value=value, by=actor_of(by))
        return change

    def remove_secret(self, name: str, by: Actor | str = "") -> None:
        self._here._need_state()
        self._here.ask("secret_remove", name=name, by=actor_of(by))

    def rekey_secrets(self, by: Actor | str = "") -> int:
        self._here._need_state()
        count: int = self._here.ask("secrets_rekey", by=actor_of(by))
        return count
