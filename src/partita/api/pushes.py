"""Publishing what was pushed, one push at a time and behind the answers; what is waiting outlives the server."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.errors import BusyError, PartitaError
from partita.protocol.access import Actor
from partita.publishing.pushes import Deliveries, Push

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Pushes"]

_log = logging.getLogger("partita.server")
#: So many pushes may wait.
_WAITING = 200


class Pushes:
    """Takes signed pushes, and publishes them."""

    def __init__(self, workspace: Callable[[], LocalWorkspace], announce: Callable[[str, str], object]) -> None:
        """
        Args:
            workspace: this thread's.
            announce: tells followers of changes: a topic, and what of it.
        """
        self._workspace = workspace
        self._announce = announce
        self._queue: queue.Queue[tuple[Push, str] | None] = queue.Queue()
        self._is_closing = False
        # A daemon: a push that is at work when the server ends is begun anew by the next one.
        self._thread = threading.Thread(target=self._work, name="pushes", daemon=True)
        self._thread.start()

    def take(self, workspace: LocalWorkspace, push: Push, address: str) -> None:
        """Let a push be published; it is kept once this returns.

        Raises:
            PushError: it was taken before.
            BusyError: too many wait.
        """
        if self._queue.qsize() >= _WAITING:
            raise BusyError("many pushes wait to be published; send it again later", 60.0)
        deliveries = _deliveries(workspace)
        deliveries.claim(push)
        try:
            file = _file(workspace, push)
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_text(json.dumps({"push": asdict(push), "address": address}), encoding="utf-8")
            part.replace(file)
        except OSError:
            deliveries.give_back(push)
            raise
        self._queue.put((push, address))

    def close(self) -> None:
        """Begin no more of them."""
        self._is_closing = True
        self._queue.put(None)

    def _work(self) -> None:
        try:
            self._remember()
        except Exception:
            _log.exception("pushes of before cannot be read")
        while (taken := self._queue.get()) is not None and not self._is_closing:
            try:
                self._publish(*taken)
            except Exception:
                if not self._is_closing:
                    _log.exception("a push of %s", taken[0].repository)

    def _remember(self) -> None:
        """Queue what waited when the last server ended."""
        workspace = self._workspace()
        for file in sorted(_folder(workspace).glob("*.json")):
            try:
                told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
                self._queue.put((Push(**told["push"]), str(told["address"])))
            except (OSError, ValueError, TypeError, KeyError):
                _log.warning("%s is no push that can be read; it is removed", file)
                with suppress(OSError):
                    file.unlink()

    def _publish(self, push: Push, address: str) -> None:
        workspace = self._workspace()
        actor = Actor(push.author, "", address)
        about: dict[str, Any] = {
            "service": push.service, "delivery": _clean(push.delivery), "of": f"{push.kind} {_clean(push.name)}",
            "commit": push.commit,
        }  # fmt: skip
        try:
            report = workspace.publish_push(push)
        except Exception as error:
            if self._is_closing:
                return
            told = str(error) if isinstance(error, PartitaError) else f"{type(error).__name__}: {error}"
            self._end(workspace, push, actor, "failed", {**about, "error": told[:2000]})
            return
        about |= {"rule": report["rule"], "flows": [_short(flow) for flow in report["flows"]]}
        self._end(workspace, push, actor, "done" if report["is_good"] else "failed", about)
        for name in {flow["version"].partition("@")[0] for flow in report["flows"] if flow["version"]}:
            self._announce("flows", name)

    def _end(self, workspace: LocalWorkspace, push: Push, actor: Actor, outcome: str, about: dict[str, Any]) -> None:
        if outcome == "failed":
            # The service, or a person there, can send it again.
            _deliveries(workspace).give_back(push)
        log = _log.info if outcome == "done" else _log.warning
        log("push %s of %s at %s: %s", about["delivery"], _clean(push.repository), push.commit[:10], outcome)
        try:
            workspace.note_audit("push.publish", _clean(push.repository), outcome=outcome, data=about, by=actor)
        finally:
            with suppress(OSError):
                _file(workspace, push).unlink()


def _short(flow: Any) -> dict[str, Any]:
    return {name: flow[name] for name in ("flow", "version", "is_new", "stage", "is_moved", "run", "error")}


def _clean(text: str) -> str:
    """A text from elsewhere, as it can stand in a log."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:200]


def _deliveries(workspace: LocalWorkspace) -> Deliveries:
    return Deliveries(workspace.state / "deliveries")


def _folder(workspace: LocalWorkspace) -> Path:
    return workspace.state / "pushes"


def _file(workspace: LocalWorkspace, push: Push) -> Path:
    return _folder(workspace) / f"{push.digest}.json"
