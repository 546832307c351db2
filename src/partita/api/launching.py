"""Starting runs for many clients: no more at once than the engine takes, and each key once for whoever gave it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from partita.api.parameters import texts_of
from partita.errors import BusyError
from partita.protocol.publications import PromotionView, StageMoveView
from partita.protocol.requests import NO_KEY, LaunchKey, RunView

if TYPE_CHECKING:
    from partita.api.asking import Asking

__all__ = ["Launching"]

#: Seconds for which it is believed how many runs are unfinished.
_BELIEVED_S = 0.5


class Launching:
    """Starts runs, and refuses what is too much: launches, reruns, and promotions whose gates a run checks.

    Each takes a key, which makes a second one by the same person give the first run, or, where a stage is moved at once, the
    first move; empty: there is none. Each raises BusyError where too much is launched at once, and ConflictError where the key
    was given to something else before.
    """

    def __init__(self, at_once: int = 8, waiting: int = 40, unfinished: int = 10_000) -> None:
        """
        Args:
            at_once: launches that may be on their way to the engine.
            waiting: further ones that may wait for that; who comes then is asked to come again.
            unfinished: runs that the engine may have before it; it keeps them in memory.
        """
        self._at_once = at_once
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._unfinished = unfinished
        self._limiter: anyio.CapacityLimiter | None = None
        self._counted = 0  # runs that are unfinished
        self._counted_at_s = 0.0

    async def launch_waiting(self, asked: Asking, body: Mapping[str, Any], key: str) -> RunView:
        """As `launch`, from a coroutine: what waits holds no thread, so that everything else goes on meanwhile."""
        return await self._waiting(asked, lambda: self._launch(asked, body, key))

    async def rerun_waiting(self, asked: Asking, run: str, body: Mapping[str, Any], key: str) -> RunView:
        """As `rerun`, from a coroutine."""
        return await self._waiting(asked, lambda: self._rerun(asked, run, body, key))

    def launch(self, asked: Asking, body: Mapping[str, Any], key: str) -> str:
        """Start a run; gives its id.

        Args:
            body: fields of `LaunchBody`.
        """
        with self._place():
            return self._launch(asked, body, key)

    def rerun(self, asked: Asking, run: str, body: Mapping[str, Any], key: str) -> str:
        """Start a run that adopts what is unchanged since another one; gives its id.

        Args:
            body: fields of `RerunBody`.
        """
        with self._place():
            return self._rerun(asked, run, body, key)

    def promote(
        self, asked: Asking, name: str, version: int | str, stage: str, key: str, *, why: str = "", force: bool = False
    ) -> PromotionView:
        """Let a stage have a version, by a run where gates are asked."""
        once = _once(asked, key, {"promote": [name, version, stage, why, force]})

        def act() -> PromotionView:
            view = asked.workspace.promote(name, version, stage, why=why, by=asked.name, force=force, once=once)
            data = {"stage": stage, "why": why, "run": view["run"], "force": force}
            asked.note("flow.promote", f"{name}@{version}", **data)
            return view

        # Where nothing is asked, nothing is launched: a stage is set back to what was good though there is much to do.
        if force or not asked.workspace.has_gates(name, stage):
            return act()
        with self._place():
            self._need_room(asked)
            return act()

    def roll_back(self, asked: Asking, name: str, stage: str, key: str, *, why: str = "") -> StageMoveView:
        """Let a stage have what it had before."""
        once = _once(asked, key, {"rollback": [name, stage, why]})
        view = asked.workspace.roll_back(name, stage, why=why, by=asked.name, once=once)
        asked.note("flow.rollback", name, stage=stage, why=why)
        return view

    def check_gates(self, asked: Asking, name_at_version: str, stage: str, key: str) -> str:
        """Check the gates of a version again; gives the run's id, or "" where none are asked."""
        with self._place():
            self._need_room(asked)
            once = _once(asked, key, {"check": [name_at_version, stage]})
            run = asked.workspace.check_gates(name_at_version, stage, by=asked.name, once=once)
            asked.note("flow.gates", name_at_version, stage=stage, run=run)
            return run

    async def _waiting(self, asked: Asking, start: Callable[[], str]) -> RunView:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._at_once)
        with self._place():
            return await anyio.to_thread.run_sync(lambda: asked.workspace.run(start()), limiter=self._limiter)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise BusyError("too many runs are being launched; nothing was started, ask again", 1.0)
        try:
            yield
        finally:
            self._places.release()

    def _launch(self, asked: Asking, body: Mapping[str, Any], key: str) -> str:
        self._need_room(asked)
        once = _once(asked, key, body)
        options: dict[str, Any] = {
            "executor": body["executor"], "tags": body["tags"], "refresh": body["refresh"],
            "owner": body["owner"] or asked.name, "weight": body["weight"], "priority": body["priority"],
            "by": asked.name, "key": once.key, "asked": once.asked,
        }  # fmt: skip
        # A reference names a file or module and a function in it; what has no colon can only be published.
        flow, texts = body["flow"], texts_of(body["inputs"])
        workspace = asked.workspace
        if ":" in flow:
            asked.server.references.need(workspace, flow)
        run = (workspace.launch if ":" in flow else workspace.launch_published)(flow, texts=texts, **options)
        asked.note("run.launch", run, flow=body["flow"])
        return run

    def _rerun(self, asked: Asking, run: str, body: Mapping[str, Any], key: str) -> str:
        self._need_room(asked)
        # By the word that was given: what "latest" means is another run by the time that it is asked again.
        once = _once(asked, key, {"rerun": run, **body})
        texts = texts_of(body["inputs"]) if body["inputs"] is not None else None
        made = asked.workspace.rerun(
            run, same_code=body["same_code"], texts=texts, executor=body["executor"], owner=body["owner"] or asked.name,
            weight=body["weight"], priority=body["priority"], afresh=body["afresh"], key=once.key, asked=once.asked,
            by=asked.name,
        )  # fmt: skip
        asked.note("run.rerun", made, of=run, steps=body["afresh"][:20])
        return made

    def _need_room(self, asked: Asking) -> None:
        now_s = time.monotonic()
        if now_s - self._counted_at_s > _BELIEVED_S:
            self._counted_at_s = now_s  # whoever comes meanwhile need not count too
            engine = asked.workspace.engine()
            self._counted = engine["runs"] if engine is not None else 0
        if self._counted >= self._unfinished:
            raise BusyError(f"{self._counted:,} runs are unfinished, which is as many as are taken; ask again", 5.0)


def _once(asked: Asking, key: str, what: Mapping[str, Any]) -> LaunchKey:
    """The key as the engine knows it: keys of different people are different."""
    if not key:
        return NO_KEY
    return LaunchKey(
        blake2b(f"{asked.name}\0{key}".encode(), digest_size=16).hexdigest(),
        blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=16).hexdigest(),
    )
