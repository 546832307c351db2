"""What the command line changes is noted in the workspace's audit, in the name of the machine's user.

Tokens, users and secrets note their changes themselves, together with them. The rest is noted when it is done: whoever can use
the command line can also write the files of the workspace, so this is a memory for people who share one, and no fence.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from partita.errors import PartitaError

__all__ = ["CHANGES", "Recording"]

#: Of what a change was given, by the names of its arguments, and of its answer: what it was done to.
Target = Callable[[Mapping[str, Any], Any], str]


def _given(name: str) -> Target:
    return lambda given, answer: str(given.get(name, ""))


def _told(name: str) -> Target:
    return lambda given, answer: str(answer[name])


def _answer(given: Mapping[str, Any], answer: Any) -> str:
    return str(answer)


def _nothing(given: Mapping[str, Any], answer: Any) -> str:
    return ""


#: Method of a workspace -> the action that it is, as a server notes it, and what it is done to.
CHANGES: Mapping[str, tuple[str, Target]] = {
    "launch": ("run.launch", _answer), "launch_published": ("run.launch", _answer), "rerun": ("run.rerun", _answer),
    "cancel": ("run.cancel", _given("run")), "resume": ("run.resume", _given("run")),
    "delete_run": ("run.delete", _given("run")), "send": ("event.send", _given("run")),
    "approve": ("wait.approve", _given("run")), "reject": ("wait.reject", _given("run")),
    "answer": ("wait.answer", _given("run")), "publish": ("flow.publish", _told("version")),
    "promote": ("flow.promote", lambda given, answer: f"{given['name']}@{given['version']}"),
    "roll_back": ("flow.rollback", _given("name")), "check_gates": ("flow.gates", _given("name_at_version")),
    "retire_publication": ("flow.retire", _given("name_at_version")), "clear_cache": ("cache.clear", _given("task")),
    "forget_history": ("history.forget", _given("task")), "promote_model": ("model.promote", _given("name")),
    "rollback_model": ("model.rollback", _given("name")), "set_alias": ("model.alias", _given("name")),
    "remove_alias": ("model.unalias", _given("name")), "set_gates": ("model.gates", _given("name")),
    "describe_model": ("model.describe", _given("name")), "delete_version": ("model.delete", _given("name")),
    "import_model": ("model.import", _answer), "tune": ("study.tune", _told("name")),
    "remove_study": ("study.remove", _given("name")), "verify_artifacts": ("artifact.repair", _nothing),
    "collect_artifacts": ("artifact.collect", _nothing), "prune_environments": ("environment.prune", _nothing),
    "retain": ("store.retain", _nothing), "advise": ("settings.advise", _given("flow")),
}  # fmt: skip
#: What only looks where this argument is, or is not, given.
_LOOKS: Mapping[str, tuple[str, bool]] = {
    "collect_artifacts": ("dry_run", True), "retain": ("dry_run", True), "verify_artifacts": ("repair", False),
    "advise": ("apply", False),
}  # fmt: skip
#: What else of the arguments is noted.
_TOLD = (
    "flow", "name_at_version", "step", "stage", "alias", "gates", "force", "why", "note", "comment", "event", "executor", "tags",
    "owner", "priority", "by",
)  # fmt: skip


class Recording:
    """A workspace whose changes are noted."""

    def __init__(self, workspace: Any) -> None:
        self._workspace = workspace

    @property
    def unrecorded(self) -> Any:
        """The workspace itself, for who notes changes in another way."""
        return self._workspace

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._workspace, name)
        return self._noting(name, found) if name in CHANGES else found

    def _noting(self, name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        action, target = CHANGES[name]
        parameters = inspect.signature(change)

        @wraps(change)
        def noting(*arguments: Any, **named: Any) -> Any:
            answer = change(*arguments, **named)
            given = parameters.bind(*arguments, **named).arguments
            looking, is_looking = _LOOKS.get(name, ("", True))
            # Without a state there is no workspace yet, and nothing was changed.
            if bool(given.get(looking)) is not is_looking and self._workspace.state.exists():
                what = target(given, answer)
                data = {key: _plain(given[key]) for key in _TOLD if given.get(key) not in (None, "", (), [], False)}
                data = {key: value for key, value in data.items() if value != what}
                try:
                    self._workspace.note_audit(action, what, data=data)
                except PartitaError as error:  # it was done, and is not to be done again
                    print(f"warning: this was done, but not noted in the audit: {error}", file=sys.stderr)
            return answer

        return noting


def _plain(value: Any) -> Any:
    """What is no plain data is told by its text: gates of a flow are a record."""
    return value if isinstance(value, str | int | float | list | tuple | dict) else str(value)
