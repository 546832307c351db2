"""One attempt: open the arguments, call the function, store the result, say how it went."""

from __future__ import annotations

from contextlib import suppress
from time import time
from typing import TYPE_CHECKING, Any

import msgpack

from partita.errors import DamagedError, LoadError, OutOfMemoryError, PartitaError, Skip, ValueStoreError
from partita.executors.port import LOST
from partita.flow.arrival import check_arrivals, without_reserved
from partita.flow.context import attempting
from partita.protocol.messages import DONE, FAILED
from partita.values import BLOB, INLINE, INPUT, PLAIN
from partita.worker.attempt_context import AttemptContext
from partita.worker.control import StopAttempt
from partita.worker.environment import surroundings, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from partita.flow.layout import Layout
    from partita.worker.loop import Worker
    from partita.worker.profiles import WorkerProfile

__all__ = ["Attempt"]

_unpack = msgpack.unpackb
_pack = msgpack.Packer(use_bin_type=True, autoreset=True).pack
_SMALL = frozenset({type(None), bool, float})
_SMALL_INTEGER = 2**63
_SMALL_TEXT = 1000

#: An attempt this short has had no time for children, threads or much memory, so that nobody looks for them.
_SHORT_S = 2e-4


class Attempt:
    """An order while it is worked on."""

    __slots__ = (
        "arguments", "effects", "extra", "inputs", "mask", "name", "number", "profile", "requests", "run", "started_at", "step",
        "ticket", "worker",
    )  # fmt: skip

    def __init__(self, worker: Worker, order: list[Any]) -> None:
        self.worker = worker
        self.ticket: int = order[1]
        self.profile: WorkerProfile = worker.profiles[order[2]]
        self.run: str = order[3]
        self.step: int = order[4]
        self.number: int = order[5]
        self.name: str = order[6]
        self.arguments: bytes | None = order[7]
        self.inputs: list[bytes] | None = order[8]
        self.extra: dict[str, Any] | None = order[9]
        self.effects: list[Any] = []  # what counts with its outcome
        self.mask: Callable[[str], str] = str
        self.requests = 0  # how many the engine was asked
        self.started_at = time()

    def perform(self) -> list[Any]:
        """Work on the order; the message that ends it."""
        worker = self.worker
        control = worker.control
        control.begin(self.ticket)
        worker.current = self
        try:
            log_start = worker.capture.begin(self.run)
            worker.status.begin(self.ticket, log_start, self.started_at, worker.meter.cpu_s)
            if self.extra is not None and "prelude" in self.extra:
                with suppress(OSError), open(self.extra["prelude"], encoding="utf-8") as told:
                    worker.capture.write(told.read())
            with attempting(AttemptContext(self)):
                message = self._work_specially() if self.profile.is_special else self.work()
        except BaseException as error:
            control.is_interruptible = False
            if worker.is_child:
                worker.end_child(1)
            message = self._failure(error)
        worker.current = None
        control.end()
        return self._finish(message)

    def work(self) -> list[Any]:
        """The message without usage and log."""
        worker, profile = self.worker, self.profile
        control = worker.control
        if control.should_stop:
            raise StopAttempt(control.reason)
        if worker.homeless:
            raise LoadError(worker.homeless)
        control.is_interruptible = True
        if profile.body != "task":
            from partita.worker.layouts import lay_out

            try:
                return lay_out(self)
            finally:
                control.is_interruptible = False
        try:
            if not profile.is_loaded:
                profile.load()
                worker.capture.adopt_logging()
            if profile.has_cache_key:
                from partita.worker.caching import cached_value

                found = cached_value(self)
                if found is not None:
                    return [DONE, self.ticket, found]
            value = self._call()
        finally:
            # Not later: what cleans up behind the user's code must not be interrupted.
            control.is_interruptible = False
        if worker.is_child:
            worker.end_child(0)
        if self.mask is not str:
            value = without_secrets(value, self.mask)
        done = [DONE, self.ticket, self._encode(value)]
        if self.effects:
            done.append(self.effects)
        return done

    def say(self, message: list[Any]) -> None:
        """Tell the engine something while the attempt runs; a thread that outlives its attempt is not heard."""
        if self.worker.current is self:
            self.worker.say(message)

    def open_arguments(self, layout: Layout | None = None) -> tuple[list[Any], dict[str, Any]]:
        """Positional and named arguments as values; for a layout, refs among them are its own."""
        if self.arguments is None:
            return [], {}
        nodes, names, named = _unpack(self.arguments, raw=False, strict_map_key=False)
        inputs = self.inputs
        values = []
        for node in nodes:
            tag = node[0]
            if tag == INPUT and inputs is not None:
                node = _unpack(inputs[node[1]], raw=False, strict_map_key=False)
                tag = node[0]
            values.append(node[1] if tag == PLAIN else self._decode(node, layout))
        if not names:
            return values, {}
        return values, {name: self._decode(node, layout) for name, node in zip(names, named, strict=True)}

    def _decode(self, node: list[Any], layout: Layout | None = None) -> Any:
        if node[0] == INPUT and self.inputs is not None:
            node = _unpack(self.inputs[node[1]], raw=False, strict_map_key=False)
        if node[0] == PLAIN:
            return node[1]
        if layout is None:
            return self.worker.values.decode(node, self.inputs)
        value = self.worker.values.decode(node, self.inputs, layout.outer_ref)
        if node[0] in (INLINE, BLOB):
            layout.remember(value, node)
        return value

    def _call(self) -> Any:
        if self.extra is not None and "trace" in self.extra:
            from partita.worker.trace_context import in_trace

            with in_trace(self.extra["trace"]):
                return self._call_here()
        return self._call_here()

    def _call_here(self) -> Any:
        profile = self.profile
        if self.extra is not None and "result" in self.extra:
            return self._undo(self.extra["result"])
        values, keywords = self._opened_here()
        if keywords:
            keywords = check_arrivals(profile.definition, values, keywords)
        if profile.is_async:
            return self._await(profile.function(*values, **keywords))
        return profile.function(*values, **keywords)

    def _opened_here(self) -> tuple[list[Any], dict[str, Any]]:
        if not self.profile.environment:
            return self.open_arguments()
        try:
            return self.open_arguments()
        except ValueStoreError as error:
            if isinstance(error, DamagedError) and error.digest:  # that has to do with no environment
                raise
            from partita.worker.surroundings import foreign_value

            raise foreign_value(error, self.profile) from error

    def _undo(self, result: bytes) -> Any:
        from inspect import isawaitable

        from partita.worker.undo import undo_arguments

        values, keywords = self.open_arguments()
        undo = self.profile.load_undo()
        opened = self._decode(_unpack(result, raw=False, strict_map_key=False))
        keywords = without_reserved(keywords)
        values, keywords = undo_arguments(undo, self.profile.function, opened, values, keywords)
        done = undo(*values, **keywords)
        return self._await(done) if isawaitable(done) else done

    def _await(self, coroutine: Any) -> Any:
        from partita.worker.coroutines import run_coroutine

        return run_coroutine(self.worker.control, coroutine)

    def _encode(self, value: Any) -> bytes:
        kind = type(value)
        if (
            kind in _SMALL
            or (kind is int and -_SMALL_INTEGER <= value < _SMALL_INTEGER)
            or (kind is str and len(value) < _SMALL_TEXT)
        ):
            try:
                packed: bytes = _pack((PLAIN, value))
                return packed
            except UnicodeEncodeError:
                pass  # lone surrogates, which the codecs know
        return self.worker.values.encode(value, self.profile.declared, self.mask)

    def _work_specially(self) -> list[Any]:
        with surroundings(self):
            return self.work()

    def _failure(self, error: BaseException) -> list[Any]:
        from partita.worker.failures import error_map, full_text

        if isinstance(error, Skip):
            skipped = error_map(error, self.mask) | {"traceback": "", "unmet": True}
            return [FAILED, self.ticket, skipped]
        if isinstance(error, StopAttempt):
            report = error_map(error, self.mask)
            detail = f"it stopped when it was asked to ({self.worker.control.reason})\n{report['traceback']}"
            return [LOST, self.ticket, self.worker.control.reason, detail]
        if isinstance(error, OutOfMemoryError):
            return [LOST, self.ticket, "memory", error_map(error, self.mask)["message"]]
        retry = self._retry(error)  # first, since it may add a note to the error
        full = full_text(error)
        if full:
            with suppress(OSError):
                self.worker.capture.write(self.mask(full) + "\n")
        return [FAILED, self.ticket, error_map(error, self.mask) | retry]

    def _retry(self, error: BaseException) -> dict[str, Any]:
        """What the profile's retry rule says of the error."""
        from partita.flow.retries import retry_decision

        if not self.profile.worker_options and not isinstance(error, PartitaError):
            return {"retry": True, "delay_s": 0.0}
        try:
            options = self.worker_options()
        except Exception as fault:
            error.add_note(f"The retry rule could not be opened, so there is no further attempt: {fault}")
            return {"retry": False, "delay_s": 0.0}
        from random import random

        admitted, delay_s = retry_decision(options, error, self.number, random)
        return {"retry": admitted, "delay_s": delay_s}

    def worker_options(self) -> dict[str, Any]:
        """What the task's options hold that only workers open."""
        profile = self.profile
        if profile.opened_options is None:
            packed = profile.worker_options
            profile.opened_options = self._decode(_unpack(packed, raw=False, strict_map_key=False)) if packed else {}
        return profile.opened_options

    def _finish(self, message: list[Any]) -> list[Any]:
        worker = self.worker
        ended_at = time()
        elapsed = ended_at - self.started_at
        cpu_s = elapsed if 0 <= elapsed < _SHORT_S else worker.meter.look(worker)
        message.append((self.started_at, ended_at, cpu_s, worker.meter.peak_bytes))
        message.append(worker.capture.end())
        return message
