"""The engine's process: one loop over workers and clients, on a local socket."""

from __future__ import annotations

import logging
import os
import select
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import msgpack

from partita import errors
from partita.core.standing import said
from partita.core.states import FINAL
from partita.engine.access import Access
from partita.engine.cache_requests import CacheRequests
from partita.engine.comparison import Comparison
from partita.engine.explaining import Explaining
from partita.engine.history_requests import HistoryRequests
from partita.engine.inventory import Inventory
from partita.engine.live import Live
from partita.engine.loop import Engine
from partita.engine.metrics import metrics_of
from partita.engine.pruning import Pruning
from partita.engine.reading import Reading
from partita.engine.retention import Retention
from partita.engine.run_plans import PlanRequests
from partita.engine.sharing import Asker, Sharing
from partita.engine.wait_requests import WaitRequests
from partita.engine.watches import WATCH_PAUSE_S, Watches
from partita.errors import CheckError, PartitaError, ProtocolError
from partita.protocol.metrics import EngineMetrics
from partita.protocol.requests import EngineView, LaunchRequest
from partita.store.peers import Wire
from partita.values import unpack

__all__ = ["Server"]

_log = logging.getLogger("partita.engine")
_HEADER = struct.Struct("<I")
MESSAGE_LIMIT_BYTES = 64 << 20


@dataclass(eq=False)
class Client:
    """One connection."""

    socket: socket.socket
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)


class Server:
    """Serves clients and turns the engine until it is idle or told to end."""

    def __init__(self, engine: Engine, listener: socket.socket, version: str, lease_s: float = 15.0) -> None:
        """
        Args:
            lease_s: seconds after its last sign of life at which another engine of the store may take this one's runs.
        """
        self._engine = engine
        engine.pause = self._refuse_for
        self._book = engine.book
        self._reading = Reading(engine.book, engine.recovery)
        self._listener = listener
        self._version = version
        self._selector = selectors.DefaultSelector()
        self._clients: set[Client] = set()
        self._watches = Watches(engine.book, self._reading)
        self._heard: Wire | None = None  # by which the store's news come
        self._sharing: Sharing | None = None
        if engine.book.peers is not None:
            self._sharing = Sharing(engine, engine.book.peers, self._reading, lease_s)
            self._sharing.handle, self._sharing.answer = self._handle, self._answer
            self._watches.told = self._sharing.hearing.told
        self._is_ending = False
        self._started_at = time.time()
        self._verbs: dict[str, Callable[[Client | Asker, int, dict[str, Any]], Any]] = {
            "launch": self._launch, "run": self._run, "runs": self._runs, "steps": self._steps, "log": self._log,
            "attempts": self._attempts, "watch": self._watch, "cancel": self._cancel, "resume": self._resume,
            "engine": self._describe, "stop": self._stop, "reports": self._reports, "rerun": self._rerun,
            "news": self._news,
            "metrics": self._metrics, "retain": self._retain,
        }  # fmt: skip
        #: What they change is committed, and what they give is answered, with the turn.
        shared = (engine.book, engine.recovery, self._reading)
        self._requests = CacheRequests(*shared).verbs | WaitRequests(*shared).verbs | Explaining(*shared).verbs
        self.pruning = Pruning(engine.book, self._reading)
        for answering in (Inventory, Comparison, HistoryRequests, PlanRequests):
            self._requests |= answering(engine.book, self._reading).verbs
        self._requests |= (
            engine.registry.verbs | engine.secrets.verbs | engine.publications.verbs | Access(engine.book).verbs
        )
        self._requests |= self.pruning.verbs
        self.retention: Retention | None = None  # None: nothing is ever let go by itself

    def serve(self, *, is_interruptible: bool = False) -> None:
        """Run until idle for the time set, or until SIGTERM or a client's "stop".

        Args:
            is_interruptible: SIGINT ends it, too; one in the background shares its terminal with what people interrupt.
        """
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        for lanes in self._book.executors.values():
            for fileno in lanes.executor.filenos():
                self._selector.register(fileno, selectors.EVENT_READ, lanes)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal if is_interruptible else signal.SIG_IGN)
        idle_since = time.monotonic()
        while not self._is_ending:
            ready = self._selector.select(self._wait_s())
            self._share()
            for key, events in ready:
                if key.data is None:
                    self._accept()
                elif isinstance(key.data, Client):
                    self._talk(key.data, events)
            self._engine.guard()
            self._retain_some()
            self._engine.turn(0.0)
            self._tell_watchers()
            is_retaining = self.retention is not None and self.retention.is_busy
            if is_retaining or self._clients or any(not live.is_final for live in self._book.lives.values()):
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._book.limits.idle_s:
                self._is_ending = True
        for client in list(self._clients):
            self._drop(client)

    def _retain_some(self) -> None:
        if self.retention is None or self._engine.trouble:
            return
        try:
            self.retention.step()
        except Exception:
            # What is wrong with one old run must not end the engine again and again.
            _log.exception("old runs are not looked after until the engine starts anew")
            self.retention = None

    def _refuse_for(self, seconds: float) -> None:
        """The store cannot be written for the moment: tell clients so instead of letting them wait without a word."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            sockets: dict[Any, Client] = {client.socket: client for client in self._clients}
            readable, _, _ = select.select([self._listener, *sockets], [], [], left_s)
            for ready in readable:
                if ready is self._listener:
                    self._accept()
                else:
                    self._talk(sockets[ready], selectors.EVENT_READ)
            if self._is_ending:
                raise errors.EngineError(f"the engine ends without its last turn: {self._engine.trouble}")

    def _on_signal(self, number: int, frame: Any) -> None:
        self._is_ending = True

    def _share(self) -> None:
        """What is to be done among the engines of the store."""
        if self._sharing is None:
            return
        self._sharing.step()
        wire = self._sharing.wire
        if wire is not self._heard:
            if self._heard is not None:
                self._selector.unregister(self._heard)
            if wire is not None:
                self._selector.register(wire, selectors.EVENT_READ, self._sharing)
            self._heard = wire

    def _wait_s(self) -> float:
        wait_s = self._engine.wait_s()
        limit = WATCH_PAUSE_S if self._watches else min(self._book.limits.idle_s, 1.0)
        if self._sharing is not None:
            limit = min(limit, self._sharing.wait_s())
        if self.retention is not None and (bite_s := self.retention.wait_s()) is not None:
            limit = min(limit, bite_s)
        return limit if wait_s is None else min(wait_s, limit)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        client = Client(connection)
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, client)

    def _talk(self, client: Client, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(client)
            if events & selectors.EVENT_READ:
                data = client.socket.recv(1 << 18)
                if not data:
                    self._drop(client)
                    return
                client.incoming += data
                self._read_messages(client)
        except (OSError, ProtocolError):
            self._drop(client)

    def _read_messages(self, client: Client) -> None:
        while len(client.incoming) >= _HEADER.size:
            size = _HEADER.unpack_from(client.incoming)[0]
            if size > MESSAGE_LIMIT_BYTES:
                raise ProtocolError(f"a client announced a message of {size} bytes")
            end = _HEADER.size + size
            if len(client.incoming) < end:
                return
            body = bytes(client.incoming[_HEADER.size : end])
            del client.incoming[:end]
            try:
                number, verb, fields = msgpack.unpackb(body, raw=False, strict_map_key=False)
            except (ValueError, TypeError, msgpack.UnpackException) as error:
                raise ProtocolError(f"a client sent what is no message: {error}") from None
            self._handle(client, number, str(verb), fields)

    def _handle(self, client: Client | Asker, number: int, verb: str, fields: dict[str, Any]) -> None:
        handler = self._verbs.get(verb)
        try:
            if self._engine.trouble and verb not in ("engine", "stop", "metrics"):
                raise errors.StoreError(f"the engine waits because nothing can be stored: {self._engine.trouble}")
            if self._sharing is not None and self._sharing.passes_on(client, number, verb, fields):
                return
            if verb in self._requests:
                answer = self._requests[verb](fields)
                self._book.answer(partial(self._answer, client, number), answer)
                return
            if handler is None:
                raise ProtocolError(f"this engine (version {self._version}) does not know the request {verb!r}")
            answer = handler(client, number, fields)
        except (PartitaError, KeyError, ValueError, TypeError, OverflowError, AttributeError) as error:
            # Whatever a client sends, the engine goes on for all the others.
            self._answer(client, number, False, error_map(error))
            return
        if answer is not LATER:
            self._answer(client, number, True, answer)

    def _answer(self, client: Client | Asker, number: int, is_ok: bool, answer: Any) -> None:
        if isinstance(client, Asker):
            if self._sharing is not None:
                self._sharing.reply(client, is_ok, answer)
            return
        body = _packed(number, is_ok, answer)
        client.outgoing += _HEADER.pack(len(body)) + body
        try:
            self._flush(client)
        except OSError:
            self._drop(client)

    def _flush(self, client: Client) -> None:
        while client.outgoing:
            try:
                sent = client.socket.send(client.outgoing[: 1 << 18])
            except BlockingIOError:
                break
            del client.outgoing[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.outgoing else 0)
        if client in self._clients:
            self._selector.modify(client.socket, events, client)

    def _drop(self, client: Client) -> None:
        if client in self._clients:
            self._clients.discard(client)
            self._watches.drop(client)
            self._selector.unregister(client.socket)
            client.socket.close()

    def _tell_watchers(self) -> None:
        for who, number, answer in list(self._watches.due(time.monotonic())):
            is_ok = not isinstance(answer, Exception)
            self._answer(who, number, is_ok, answer if is_ok else error_map(answer))

    # The verbs. What changes something is answered when it is committed.

    def _launch(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        launched = self._engine.launch.launch(fields)  # type: ignore[arg-type]
        run = launched.run.id if isinstance(launched, Live) else launched.id
        self._book.answers.append(lambda: self._answer(client, number, True, run))
        return LATER

    def _run(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        return self._reading.run(fields["run"], bool(fields.get("with_result")))

    def _runs(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        states = list(fields.get("states") or ())
        return self._reading.runs(
            fields.get("flow", ""), states, fields.get("before", 0), fields.get("limit", 50), text=fields.get("text", ""),
            since=fields.get("since", 0.0), until=fields.get("until", 0.0), is_upwards=bool(fields.get("upwards")),
            publication=fields.get("publication") or "",
        )  # fmt: skip

    def _steps(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        is_brief = bool(fields.get("brief"))
        if (ids := fields.get("ids")) is not None:
            return self._reading.chosen_steps(fields["run"], [int(id) for id in ids], is_brief=is_brief)
        return self._reading.steps(fields["run"], fields.get("after", -1), fields.get("limit", 500), is_brief=is_brief)

    def _attempts(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        return self._reading.attempts(fields["run"], fields.get("step"))

    def _log(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        return self._reading.log(fields["run"], fields["step"], fields.get("attempt"), fields.get("offset", 0))

    def _reports(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        row = self._reading.find(fields["run"])
        return [list(report) for report in self._book.store.reports(row.number, fields.get("step"))]

    def _watch(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        self._watches.add(client, number, self._reading.find(fields["run"]).id, fields)
        return LATER

    def _news(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        self._watches.add(client, number, "", fields)
        return LATER

    def _cancel(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        row = self._reading.find(fields["run"])
        live = self._book.live(row.id)
        if live is None:
            state = self._reading.run(row.id)["state"]
            raise errors.NotFoundError(f"run {row.id} has ended already: {state}")
        step = fields.get("step") or 0
        if step not in live.run.steps:
            raise errors.NotFoundError(f"run {row.id} has no step {step}")
        self._engine.cancel(live, step, force=bool(fields.get("force")))
        self._book.answers.append(lambda: self._answer(client, number, True, None))
        return LATER

    def _resume(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        row = self._reading.find(fields["run"])
        if self._book.live(row.id) is None and row.state not in FINAL:
            self._engine.recovery.take_up(row)
        return self._reading.run(row.id)

    def _rerun(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        row = self._reading.find(fields["run"])
        options = unpack(row.options) if row.options else {}
        request: LaunchRequest = {"flow": row.flow, "title": row.title, "bundle": fields.get("bundle") or row.bundle}
        request["adopt"] = row.id
        if fields.get("key"):
            request["key"], request["asked"] = fields["key"], fields.get("asked") or ""
            if self._engine.launch.is_known(request):
                # "latest" may mean that rerun itself by now, and its steps are others.
                return self._launch(client, number, request)  # type: ignore[arg-type]
        if options.get("publication") and request["bundle"] == row.bundle:
            request["publication"] = "{}@{}".format(*options["publication"])
        if fields.get("id"):
            request["id"] = fields["id"]
        request["tags"] = list(options.get("tags") or ())
        if fields.get("afresh"):
            known = self._book.store
            for step in fields["afresh"]:
                if not step or known.step(row.number, step) is None:
                    raise errors.NotFoundError(f"run {row.id} has no step {step} to be done again")
            request["afresh"] = [int(step) for step in fields["afresh"]]
        if fields.get("texts"):
            request["texts"] = {**(options.get("texts") or {}), **fields["texts"]}
        elif options.get("texts") is not None:
            request["texts"] = options["texts"]
        if row.inputs and not fields.get("texts"):
            request["arguments"] = row.inputs
        if fields.get("traceparent"):
            request["traceparent"] = fields["traceparent"]
        if executor := fields.get("executor") or options.get("executor"):
            request["executor"] = executor
        kept = {name: options.get(name) for name in ("user", "owner", "weight", "priority")}
        kept["user"] = fields.get("by") or kept["user"]
        return self._launch(client, number, {**kept, **request, **said(fields)})

    def _describe(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> EngineView:
        capacity: dict[str, float] = {}
        held: dict[str, float] = {}
        for lanes in self._book.executors.values():
            for name, amount in lanes.pool.capacity.items():
                is_shared = name.startswith("slot ")  # by all executors
                capacity[name] = amount if is_shared else capacity.get(name, 0.0) + amount
                held[name] = lanes.pool.held[name] if is_shared else held.get(name, 0.0) + lanes.pool.held[name]
        described = self._book.describe()
        return EngineView(
            pid=os.getpid(), version=self._version, started_at=self._started_at, runs=described["runs"],
            steps=described["steps"], capacity=capacity, held=held,
            workers=sum(len(lanes) for lanes in self._book.executors.values()),
            others=self._sharing.others if self._sharing is not None else [],
        )  # fmt: skip

    def _metrics(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> EngineMetrics:
        told = metrics_of(self._book, self._version, self._started_at, len(self._clients), self._engine.trouble)
        if self.retention is not None:
            told["retention"] = self.retention.counts
        return told

    def _retain(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        if self.retention is None:
            raise errors.EngineError("this engine lets nothing go by itself")
        self.retention.ask(lambda record: self._answer(client, number, True, record), is_dry=bool(fields.get("is_dry")))
        return LATER

    def _stop(self, client: Client | Asker, number: int, fields: dict[str, Any]) -> Any:
        self._is_ending = True
        return None


class _Later:
    """The answer comes when the turn is committed."""


LATER = _Later()


def _packed(number: int, is_ok: bool, answer: Any) -> bytes:
    """An answer as bytes; an error, where it holds what no message can: an answer that is waited for is never left out."""
    try:
        packed: bytes = msgpack.packb([number, is_ok, answer], use_bin_type=True)
    except (ValueError, TypeError, OverflowError) as error:  # half a character, a number of more than 64 bits
        _log.error("request %s cannot be answered: %s", number, error)
        told = errors.ProtocolError(f"the answer holds what cannot be told: {error}")
        packed = msgpack.packb([number, False, error_map(told)], use_bin_type=True)
    return packed


def error_map(error: Exception) -> dict[str, Any]:
    """An error as clients get it."""
    if isinstance(error, CheckError):
        return {
            "type": "CheckError",
            "message": str(error),
            "problems": [asdict(problem) for problem in error.problems],
        }
    if isinstance(error, PartitaError):
        return {"type": type(error).__name__, "message": str(error)}
    return {"type": "ProtocolError", "message": f"the request cannot be understood: {type(error).__name__}: {error}"}
