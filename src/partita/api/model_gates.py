"""Who may move an alias past its gates: administrators alone, who also say what the gates are.

Gates hold what an editor does, and so an editor neither says what they are nor does without them: not by other gates, by force,
by the tag in which they are kept, by approving what they themselves ask for, nor by taking the alias away, after which there is
no version left to be compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from partita.api.asking import Asking
from partita.auth.policy import allows, require
from partita.errors import ForbiddenError
from partita.protocol.models import ModelView, parse_name

__all__ = ["GATES", "gates_of", "need_for_move", "need_for_removal", "need_for_tags"]

#: Under which a model's tags keep the gates of an alias.
GATES = "gates:"
_ACTION = "models:gates"


def gates_of(model: ModelView) -> dict[str, list[str]]:
    """The gates of each alias that has some."""
    told: Mapping[str, str] = model["tags"]
    return {key.removeprefix(GATES): text.split("; ") for key, text in told.items() if key.startswith(GATES) and text}


def need_for_move(
    asked: Asking, name: str, alias: str, *, gates: Sequence[str] | None, is_forced: bool, is_approved: bool
) -> None:
    """
    Args:
        gates: instead of the alias's own.

    Raises:
        ForbiddenError: whoever asks may not move it like this.
    """
    if allows(asked.identity, _ACTION):
        return
    if is_forced:
        require(asked.identity, _ACTION)
    own = _own(asked, name, alias)
    if gates is not None and not set(own) <= set(gates):
        require(asked.identity, _ACTION)
    if is_approved and "approved" in (own if gates is None else gates):
        raise ForbiddenError(
            f"{asked.name} asks for {alias} and does not approve that, too: an administrator may, or whom the gate names "
            "(`approved by NAME`), or somebody whom an approval in a flow asks"
        )


def need_for_removal(asked: Asking, name: str, alias: str) -> None:
    """
    Raises:
        ForbiddenError: whoever asks may not take the alias away.
    """
    if _own(asked, name, alias):
        require(asked.identity, _ACTION)


def need_for_tags(asked: Asking, tags: Iterable[str]) -> None:
    """
    Raises:
        ForbiddenError: gates lie in one of these tags, and whoever asks may not say what they are.
    """
    if any(tag.startswith(GATES) for tag in tags):
        require(asked.identity, _ACTION)


def _own(asked: Asking, name: str, alias: str) -> list[str]:
    model, _, _ = asked.workspace.model(parse_name(name).name, limit=1)
    return gates_of(model).get(alias, [])
