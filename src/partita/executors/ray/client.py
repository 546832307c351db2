"""The process that speaks with Ray for one executor: `python -m partita.executors.ray.client SOCKET`, an inherited stream.

Ray's library is process-wide, ends its process when a cluster stays away, and waits for networks; so it does not live in the
engine. What this process knows is known to the engine too, which starts it again when it ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partita.executors.ray import frames
from partita.executors.ray.fates import fate_of, room_for, wanted_resources
from partita.executors.ray.frames import FrameReader, pack_frame
from partita.executors.ray.local import LocalRay, LocalSize, RayUnavailableError

__all__ = ["main"]

_SET_PARENT_DEATH_SIGNAL = 1
_ATTACH_S = 1.0
_AGAIN_S = 0.5
_ACKNOWLEDGING_S = 0.1  # acknowledgements alone wait so long for company
_POLL_S = 10.0
_LOOK_S, _ANSWER_S = 3.0, 10.0
_ENDING_S = 2.0  # that a worker may take to end in order
_AT_ONCE_BYTES = 4 << 20


@dataclass(slots=True)
class _Session:
    name: str
    seal: bytes
    attempts: int = 0
    letters: deque[tuple[int, bytes]] = field(default_factory=deque)  # not known to be received
    given: int = 0
    acknowledged: int = 0
    told_acknowledged: int = 0
    has_work: asyncio.Event = field(default_factory=asyncio.Event)
    is_stopping: bool = False
    actor: Any = None


class _Lost(Exception):
    """The session is gone: reason, words, exit status."""


class Client:
    """Does what the engine's frames say, and tells what becomes of it."""

    def __init__(self, stream: socket.socket, beginning: dict[str, Any]) -> None:
        self._stream, self._beginning = stream, beginning
        self._sessions: dict[str, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: FrameReader, first: list[Any]) -> None:
        """Until the engine closes the stream."""
        loop = asyncio.get_running_loop()
        self._spawn(self._look_at_ray())
        for frame in first:
            self._do(frame)
        while data := await loop.sock_recv(self._stream, 1 << 20):
            for frame in reader.feed(data):
                self._do(frame)

    def tell(self, frame: list[Any]) -> None:
        """Tell the engine something, in order; it always reads."""
        self._stream.setblocking(True)
        self._stream.sendall(pack_frame(frame))
        self._stream.setblocking(False)

    def _do(self, frame: list[Any]) -> None:
        match frame:
            case [frames.START, name, cpu, memory_bytes, gpu, attempts, about, seal]:
                wanted = wanted_resources(cpu, memory_bytes, gpu, self._beginning["resources"])
                self._go_on(_Session(name, seal, attempts), wanted, about)
            case [frames.RESUME, name, seal]:
                self._go_on(_Session(name, seal), None, "")
            case [frames.LETTERS, name, number, data] if session := self._sessions.get(name):
                session.letters.append((number, data))
                session.has_work.set()
            case [frames.ACKNOWLEDGED, name, number] if session := self._sessions.get(name):
                session.acknowledged = number
                asyncio.get_running_loop().call_later(_ACKNOWLEDGING_S, session.has_work.set)
            case [frames.STOP_WORKER, name, grace_s] if session := self._sessions.get(name):
                self._spawn(self._stop(session, grace_s))
            case [frames.SURVEY]:
                self._spawn(self._survey())

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # What is not foreseen is not gone on with: the engine begins again with a new process.
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.stderr.flush()
            os._exit(1)

    def _go_on(self, session: _Session, wanted: dict[str, float] | None, about: str) -> None:
        self._sessions[session.name] = session
        self._spawn(self._run(session, wanted, about))

    async def _run(self, session: _Session, wanted: dict[str, float] | None, about: str) -> None:
        try:
            session.actor = await asyncio.to_thread(self._actor, session, wanted, about)
            self.tell([frames.MADE, session.name])
            await self._attach(session, wanted)
            self.tell([frames.STANDS, session.name])
            create = asyncio.get_running_loop().create_task
            tasks = [create(self._deliver(session)), create(self._poll(session))]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
        except _Lost as lost:
            del self._sessions[session.name]
            self.tell([frames.LOST, session.name, *lost.args])

    def _actor(self, session: _Session, wanted: dict[str, float] | None, about: str) -> Any:
        import ray

        if wanted is None:
            try:
                return ray.get_actor(session.name)
            except ValueError:
                raise _Lost(
                    "evicted", "Ray does not know the worker any more: it has ended, or Ray began anew", None
                ) from None
        from partita.executors.ray.actor import AgentActor

        beginning = self._beginning
        further = {name: amount for name, amount in wanted.items() if name not in ("CPU", "GPU", "memory")}
        options: dict[str, Any] = {
            "name": session.name, "lifetime": "detached", "get_if_exists": True, "max_restarts": 0,
            "num_cpus": wanted.get("CPU", 0), "num_gpus": wanted.get("GPU", 0), "resources": further,
        }  # fmt: skip
        if memory := wanted.get("memory"):
            options["memory"] = int(memory)
        if beginning["runtime_env"]:
            options["runtime_env"] = beginning["runtime_env"]
        arguments = [*beginning["arguments"], "--session", session.name, "--attempts", str(session.attempts)]
        try:
            return ray.remote(AgentActor).options(**options).remote(
                session.name, beginning["version"], beginning["agent"], arguments, beginning["variables"],
                    beginning["secrets"], beginning["lease_s"],
                about,
            )  # fmt: skip
        except (ValueError, TypeError) as error:
            raise _Lost("refused", f"Ray cannot make a worker as the executor's settings say: {error}", None) from error

    async def _attach(self, session: _Session, wanted: dict[str, float] | None) -> None:
        """Until its agent answers; meanwhile say why it does not."""
        call = asyncio.ensure_future(self._called(session.actor, "attach", self._beginning["speaker"], session.seal))
        said = ""
        while not (await asyncio.wait([call], timeout=_ATTACH_S))[0]:
            words = await asyncio.to_thread(self._why_waiting, wanted) if wanted else "Ray does not answer for it"
            if words != said:
                said = words
                self.tell([frames.WAITING, session.name, words])
        self._received(session, call.result())

    def _why_waiting(self, wanted: dict[str, float]) -> str:
        import ray

        with suppress(Exception):
            free = ray.available_resources()
            if all(free.get(name, 0.0) >= amount for name, amount in wanted.items()):
                return "Ray is starting it"
            return room_for(wanted, ray.nodes())
        return "Ray does not answer"

    async def _called(self, actor: Any, method: str, *arguments: Any) -> Any:
        """What a call of the actor's gives, made again as long as it may only be out of reach.

        Raises:
            _Lost: the actor is gone, or does not hear us.
        """
        import ray

        while True:
            try:
                return await getattr(actor, method).remote(*arguments)
            except ray.exceptions.ActorUnavailableError:
                await asyncio.sleep(_AGAIN_S)
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                if isinstance(cause, Exception) and "another engine" in str(cause):
                    raise _Lost("evicted", str(cause), None) from error
                raise _Lost("died", f"the agent's post failed: {cause or error}", None) from error
            except ray.exceptions.RayError as error:
                raise _Lost(*fate_of(error), None) from error

    async def _deliver(self, session: _Session) -> None:
        speaker = self._beginning["speaker"]
        while True:
            await session.has_work.wait()
            session.has_work.clear()
            batches, size = [], 0
            for number, data in session.letters:
                if size > _AT_ONCE_BYTES:
                    session.has_work.set()
                    break
                batches.append((number, data))
                size += len(data)
            acknowledged = session.acknowledged
            if batches or acknowledged > session.told_acknowledged:
                received = await self._called(session.actor, "deliver", speaker, batches, acknowledged)
                session.told_acknowledged = acknowledged
                self._received(session, received)

    def _received(self, session: _Session, number: int) -> None:
        if session.letters and session.letters[0][0] <= number:
            while session.letters and session.letters[0][0] <= number:
                session.letters.popleft()
            self.tell([frames.RECEIVED, session.name, number])
        if session.letters:
            session.has_work.set()

    async def _poll(self, session: _Session) -> None:
        speaker, wait_s = self._beginning["speaker"], min(_POLL_S, self._beginning["lease_s"] / 4)
        while True:
            acknowledged = session.acknowledged
            batches, status, failure = await self._called(
                session.actor, "poll", speaker, session.given, acknowledged, wait_s
            )
            session.told_acknowledged = max(session.told_acknowledged, acknowledged)
            if batches:
                session.given = batches[-1][0]
                self.tell([frames.SAID, session.name, batches])
            if status is not None:
                await self._end(session)
                reason = "ended" if not status else "died"
                raise _Lost(reason, failure or "the agent has ended", status)

    async def _stop(self, session: _Session, grace_s: float) -> None:
        if session.is_stopping:
            return
        session.is_stopping = True
        if grace_s and session.actor is not None:
            with suppress(Exception):
                await asyncio.wait_for(session.actor.stop.remote(), grace_s)
            until = asyncio.get_running_loop().time() + grace_s
            while session.name in self._sessions and asyncio.get_running_loop().time() < until:
                await asyncio.sleep(0.05)
        while session.actor is None and session.name in self._sessions:
            await asyncio.sleep(0.05)  # it is being made
        if session.name in self._sessions:
            await self._end(session)

    async def _end(self, session: _Session) -> None:
        import ray

        with suppress(Exception):  # one that is gone, or is not there yet, cannot end itself
            await asyncio.wait_for(session.actor.end.remote(), _ENDING_S)
        with suppress(Exception):
            await asyncio.to_thread(ray.kill, session.actor)

    async def _look_at_ray(self) -> None:
        """End this process when Ray does not answer: some of its calls would wait for ever."""
        import ray

        while True:
            await asyncio.sleep(_LOOK_S)
            await asyncio.wait_for(asyncio.to_thread(ray.nodes), _ANSWER_S)

    async def _survey(self) -> None:
        from ray.util import list_named_actors

        self.tell([frames.FOUND, await asyncio.to_thread(list_named_actors)])


def _connect(beginning: dict[str, Any]) -> None:
    """Have Ray's library reach the cluster.

    Raises:
        RayUnavailableError: it cannot now.
        Exception: what Ray raises.
    """
    address = beginning["address"]
    if not address:
        local = LocalRay(Path(beginning["folder"]))
        os.environ.update(local.variables())
        local.hold()
        address = local.address()
        if not address:
            cpu, memory_bytes, gpu = beginning["size"]
            size = LocalSize(cpu, memory_bytes, gpu, json.dumps(beginning["resources"]))
            address = local.start(size, beginning["lease_s"])
        _held.append(local)
    import ray

    ray.init(
        address,
        namespace=beginning["namespace"],
        log_to_driver=False,
        configure_logging=True,
        logging_level=logging.ERROR,
    )


_held: list[LocalRay] = []  # as long as this process lives


def main() -> None:
    """Be the engine's process that speaks with Ray."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    stream = socket.socket(fileno=int(sys.argv[1]))
    if os.getppid() != int(sys.argv[2]):
        return  # the engine died before the kernel knew that we are to die with it
    reader = FrameReader()
    found: list[Any] = []
    while not found:
        data = stream.recv(1 << 20)
        if not data:
            return
        found = reader.feed(data)
    client = Client(stream, found[0])
    try:
        _connect(found[0])
    except Exception as error:
        client.tell([frames.UNREACHABLE, _told(error), _is_final(error)])
        os._exit(1)
    client.tell([frames.CONNECTED])
    with suppress(ConnectionError):
        asyncio.run(client.serve(reader, found[1:]))
    os._exit(0)


def _told(error: Exception) -> str:
    said = " ".join(str(error).split())[:1000]
    if _is_unauthenticated(error):
        return f"Ray refuses us; set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the cluster's token: {said}"
    return said if isinstance(error, RayUnavailableError) else f"{type(error).__name__}: {said}"


def _is_final(error: Exception) -> bool:
    """Whether it would end the same way the next time."""
    is_known = isinstance(error, (ImportError, ValueError)) or "Version mismatch" in str(error)
    return is_known or _is_unauthenticated(error)


def _is_unauthenticated(error: BaseException | None) -> bool:
    while error is not None:
        if type(error).__name__ == "AuthenticationError" or "InvalidAuthToken" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    main()
