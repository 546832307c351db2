"""What an attempt needs of a worker, in this process: each attempt has such a worker for itself."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from partita.errors import EngineError
from partita.executors.port import Launchable
from partita.flow.loading import load
from partita.protocol.messages import REPORT
from partita.testing.inline_capture import InlineCapture
from partita.worker.control import StopAttempt
from partita.worker.profiles import WorkerProfile
from partita.worker.values import WorkerValues

__all__ = ["InlineControl", "InlineProfile", "InlineWorker", "Script"]

_NOT_HERE = object()
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_IDLE_BYTES = 32 * 2**20


@dataclass(slots=True)
class Script:
    """What tests have said that attempts are to do instead of what they would do."""

    fakes: dict[str, Any] = field(default_factory=dict)  # a function or value instead, by the task's reference
    crashes: dict[str, list[bool]] = field(default_factory=dict)  # attempts to be lost: True: when their work is done

    def crash(self, reference: str, *, is_late: bool) -> bool:
        """Whether an attempt of the task is to be lost now; says so once for each time."""
        planned = self.crashes.get(reference)
        if not planned or planned[0] != is_late:
            return False
        planned.pop(0)
        return True


class InlineProfile(WorkerProfile):
    """A profile whose code is looked for among what this process has loaded, and may be faked."""

    __slots__ = ("_script",)

    def __init__(self, launchable: Launchable, script: Script) -> None:
        super().__init__(launchable.fields() | {"process_variables": {}, "secrets": list(launchable.profile.secrets)})
        self._script = script

    def load(self) -> None:
        """Find the function.

        Raises:
            LoadError: it cannot be found or imported.
        """
        self.definition = _found(self.reference, self.bundle)
        self.function = getattr(self.definition, "function", self.definition)
        self._inspect()
        fake = self._script.fakes.get(self.reference, _NOT_HERE)
        if fake is not _NOT_HERE and self.body == "task":
            self._replace(fake)
        self.is_loaded = True

    def load_undo(self) -> Callable[..., Any]:
        """The function that undoes a finished step.

        Raises:
            LoadError: it cannot be found or imported.
        """
        if self.compensate is None:
            return super().load_undo()
        found = _found(self.compensate, self.bundle)
        function: Callable[..., Any] = getattr(found, "function", found)
        return self._faked(function, self._script.fakes.get(self.compensate, function))

    def _replace(self, fake: Any) -> None:
        import inspect

        self.is_async = inspect.iscoroutinefunction(fake)
        self.function = self._faked(self.function, fake)

    def _faked(self, function: Callable[..., Any], fake: Any) -> Callable[..., Any]:
        """The fake with the signature of what it stands for, by which an undo finds its arguments."""

        @wraps(function)
        def call(*args: Any, **keywords: Any) -> Any:
            return fake(*args, **keywords) if callable(fake) else fake

        return call


def _found(reference: str, bundle: str) -> Any:
    module = reference.partition(":")[0]
    # The import path of this process is extended only for what it has not loaded itself.
    is_here = module == "local" or module in sys.modules
    return load(reference, None if is_here else Path(bundle))


class InlineControl:
    """What reaches an attempt while it runs; the attempt itself looks whether something has."""

    def __init__(self, engine_turns: Callable[[], bool]) -> None:
        self.current = 0
        self.reason = ""
        self.is_interruptible = False
        self.has_polled = False
        self.stop_gently: Callable[[], object] | None = None
        self.replies: dict[int, tuple[bool, Any]] = {}
        self._is_stopped = False
        self._engine_turns = engine_turns  # whether anything happened
        self._thread = threading.get_ident()

    @property
    def is_in_thread(self) -> bool:
        """Whether this is the thread that runs the attempt."""
        return threading.get_ident() == self._thread

    @property
    def should_stop(self) -> bool:
        """Whether the attempt was asked to stop."""
        return self._is_stopped

    def is_stopped(self, ticket: int) -> bool:
        """Whether this attempt was asked to stop."""
        return self._is_stopped and ticket == self.current

    def begin(self, ticket: int) -> None:
        """The attempt begins."""
        self.current = ticket
        self._thread = threading.get_ident()

    def end(self) -> None:
        """The attempt has ended."""
        self.is_interruptible = False
        self.stop_gently = None

    def stop(self, reason: str) -> None:
        """Ask the attempt to stop; `heed` lets it feel that."""
        if not self._is_stopped:
            self._is_stopped, self.reason = True, reason

    def heed(self) -> None:
        """Stop the attempt here if it was asked to, as a signal would stop one in a worker."""
        if not (self._is_stopped and self.is_interruptible) or self.has_polled:
            return
        if self.stop_gently is not None:
            self.stop_gently()
            return
        self.is_interruptible = False
        raise StopAttempt(self.reason)

    def wait_reply(self, request: int) -> tuple[bool, Any]:
        """Let the engine go on until it has answered the request.

        Raises:
            EngineError: it has nothing left to do, and has not; or another thread asks.
        """
        if not self.is_in_thread:
            raise EngineError(
                "an attempt that runs inline asked the engine from another thread; ask in the thread that runs the task"
            )
        while request not in self.replies:
            if not self._engine_turns():
                raise EngineError(
                    "the attempt waits for what can only go on when it has ended itself (attempts run one at a time "
                    "here); run this on a real engine, or let the test's workspace have more of what it lacks"
                )
            self.heed()
        return self.replies.pop(request)


class _Meter:
    """What an attempt uses, as far as that can be told from within the same process, which holds much besides."""

    def __init__(self) -> None:
        self._began_s = time.process_time()
        self._resident_bytes, self._high_water_bytes = _resident_bytes(), _high_water_bytes()

    @property
    def cpu_s(self) -> float:
        return time.process_time() - self._began_s

    @property
    def peak_bytes(self) -> int:
        """By how much this process has grown since the attempt began, at most, and what a worker holds that does nothing."""
        high_water = _high_water_bytes()
        peak = high_water if high_water > self._high_water_bytes else _resident_bytes()
        return _IDLE_BYTES + max(peak - self._resident_bytes, 0)

    def look(self, worker: InlineWorker) -> float:
        """The CPU time that the attempt took."""
        return self.cpu_s


def _high_water_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb", buffering=0) as file:
        return int(file.read().split()[1]) * _PAGE_BYTES


class _Status:
    """Nobody looks what an attempt does that runs in the same process."""

    def begin(self, ticket: int, log_start: int, started_at: float, cpu_s: float) -> None:
        """An attempt begins."""


class InlineWorker:
    """Stands in for `worker.loop.Worker` during one attempt."""

    homeless = ""
    status = _Status()

    def __init__(
        self,
        profiles: dict[int, WorkerProfile],
        values: WorkerValues,
        capture: InlineCapture,
        control: InlineControl,
        workspace: str,
        tell: Callable[[list[Any]], None],
        now: Callable[[], float],
    ) -> None:
        self.profiles = profiles
        self.values = values
        self.capture = capture
        self.control = control
        self.workspace = workspace
        self.meter = _Meter()
        self.current: Any = None
        self._tell = tell
        self._now = now
        self._process = os.getpid()

    @property
    def is_child(self) -> bool:
        """Whether this is a fork, made by user code."""
        return os.getpid() != self._process

    def say(self, message: Any) -> None:
        """Tell the engine something, in its time."""
        message = list(message)
        if message[0] == REPORT:
            message[-1] = self._now()
        self._tell(message)

    def wear_out(self, reason: str) -> None:
        """There is no process that could be replaced."""

    def end_child(self, status: int) -> None:
        """A forked child has come back from the task's code, which only this process itself goes on from."""
        os._exit(status)
