"""The actor that stands for a worker in Ray: its calls carry the post, and a thread of it is the agent.

No code of a user's runs in this process: the agent has a worker process for that.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from partita.executors.ray import warden
from partita.executors.ray.agent_post import Batch, RayAgentPost
from partita.executors.ray.warden import end_marked
from partita.protocol.messages import STOP
from partita.version import VERSION

__all__ = ["AGENT_KEY", "AgentActor"]

#: The secret of an `AgentCommand` that holds the executor's key.
AGENT_KEY = "PARTITA_AGENT_KEY"

_MARK = "PARTITA_AGENT"
_WATCH_S = 0.5


class AgentActor:
    """Made as a detached actor, named as its session."""

    def __init__(
        self,
        session: str,
        version: str,
        agent: str,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        secrets: Mapping[str, str],
        lease_s: float,
        about: str,
    ) -> None:
        """
        Args:
            version: of Partita, where the engine is.
            agent: "module:function"; it is called with the post, the arguments and the secrets, and returns when the agent
                ends.
            variables: what the agent and the processes beside it find in their environment.
            secrets: what only the agent knows; among it the executor's key, in hexadecimal digits.
            about: for people who look at the cluster.

        Raises:
            RuntimeError: another version of Partita is installed here.
        """
        if version != VERSION:
            raise RuntimeError(
                f"Partita {VERSION} is installed where Ray's workers run, and {version} where the engine does; install one "
                "version on both"
            )
        self._about = about
        self._lease_s = lease_s
        self._post = RayAgentPost(session, bytes.fromhex(secrets[AGENT_KEY]), lease_s)
        self._said = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._post.when_said = self._wake
        self._status: int | None = None
        self._failure = ""
        module, _, name = agent.partition(":")
        serve = getattr(importlib.import_module(module), name)
        os.environ.update(variables)
        self._mark = f"{_MARK}={session}"
        self._warden = _start_warden(self._mark)
        os.environ[_MARK] = session  # of all processes that are started from now on
        threading.Thread(
            target=self._serve, args=(serve, arguments, secrets), name="partita-agent", daemon=True
        ).start()
        threading.Thread(target=self._watch, name="partita-watch", daemon=True).start()

    def __repr__(self) -> str:
        return self._about

    async def attach(self, speaker: str, seal: bytes) -> int:
        """Hear a speaker, and none before it; gives the number of its last batch that has come."""
        self._loop = asyncio.get_running_loop()
        received = self._post.attach(speaker, seal)
        self._said.set()  # who waits for an earlier speaker need not go on
        return received

    async def deliver(self, speaker: str, batches: Sequence[tuple[int, bytes]], acknowledged: int) -> int:
        """Take batches for the agent in; gives the number of the last one that has come."""
        return self._post.deliver(speaker, batches, acknowledged)

    async def poll(
        self, speaker: str, given: int, acknowledged: int, wait_s: float
    ) -> tuple[list[tuple[int, bytes]], int | None, str]:
        """What the agent has said after the batch `given`; waits for something so long.

        Returns:
            Batches; the agent's exit status once it has ended and all that it said is among them or was given before;
            and the traceback of its failure.
        """
        until = time.monotonic() + wait_s
        while True:
            self._said.clear()
            status = self._status  # before looking for what was said: whoever ends says nothing more
            batches = self._post.answer(speaker, given, acknowledged)
            is_all = not batches or batches[-1].number == self._post.last_said()
            if status is not None and is_all:
                return _plain(batches), status, self._failure
            if batches or time.monotonic() >= until:
                return _plain(batches), None, ""
            try:
                await asyncio.wait_for(self._said.wait(), until - time.monotonic())
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """Ask the agent to end."""
        self._post.say_to_agent([STOP])

    async def end(self) -> None:
        """End at once, with all that runs."""
        await asyncio.to_thread(end_marked, self._mark)
        os._exit(0)

    def _serve(self, serve: Any, arguments: Sequence[str], secrets: Mapping[str, str]) -> None:
        try:
            serve(self._post, arguments, secrets)
            self._status = 0
        except BaseException as error:
            self._failure = "".join(traceback.format_exception(error))
            self._status = 1
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._said.set)

    def _watch(self) -> None:
        """End the process when nobody needs it any more; the agent, if it still runs, with it."""
        while not self._post.is_orphaned():
            time.sleep(min(_WATCH_S, self._lease_s / 4))
        if self._status is None:
            time.sleep(self._lease_s / 4)  # the agent sees it too, and may end in order
        os._exit(0)


def _start_warden(mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", warden.__file__, mark],
        stdin=subprocess.PIPE,
        start_new_session=True,
        close_fds=True,
    )


def _plain(batches: Sequence[Batch]) -> list[tuple[int, bytes]]:
    return [(batch.number, batch.data) for batch in batches]
