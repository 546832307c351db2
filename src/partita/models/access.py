"""The way to the registry: through the attempt that runs here, or through whoever starts runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.flow.context import context
from partita.worker.attempt_context import AttemptContext

if TYPE_CHECKING:
    from partita.artifacts.codecs.encoder import Encoder

__all__ = ["ask", "change", "encoder", "running_attempt"]


def running_attempt() -> AttemptContext | None:
    """The attempt that runs here."""
    current = context()
    return current if isinstance(current, AttemptContext) else None


def ask(verb: str, **fields: Any) -> Any:
    """Ask the registry.

    Raises:
        NotFoundError: there is no such model.
        EngineError: there is no registry here.
    """
    attempt = running_attempt()
    if attempt is not None:
        return attempt.ask(verb, fields)
    from partita.flow.launching import current_launcher

    return current_launcher().ask_registry(verb, fields)


def change(what: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Change the registry now.

    Raises:
        GateError: an alias has moved since it was judged.
        NotFoundError: there is no such version.
    """
    done: dict[str, Any] = ask("model_change", what=what, fields=fields)
    return done


def encoder() -> Encoder:
    """The codecs of the workspace."""
    attempt = running_attempt()
    if attempt is not None:
        return attempt.encoder
    from partita.flow.launching import current_launcher

    found: Encoder = current_launcher().encoder
    return found
