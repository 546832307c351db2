"""What `context()` gives inside an attempt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from partita.errors import (
    CancelledError,
    DefinitionError,
    EngineError,
    GateError,
    NotFoundError,
    RunError,
    SecretError,
    StepError,
)
from partita.protocol.messages import PROGRESS, REPORT, REQUEST
from partita.protocol.secrets import SECRET

if TYPE_CHECKING:
    from partita.artifacts.codecs.encoder import Encoder
    from partita.worker.attempt import Attempt
    from partita.worker.profiles import WorkerProfile

__all__ = ["AttemptContext", "ChildRun"]

_PROGRESS_PAUSE_S = 0.1
#: Of what an attempt does to the model registry.
_READ_BY_PEOPLE = frozenset({"description", "record", "tags", "title", "why"})
_OF_MODELS = {"NotFoundError": NotFoundError, "GateError": GateError}
#: What a store can keep as a whole number.
_LARGEST = 2**63 - 1


class AttemptContext:
    """The running attempt, as its own code sees it; satisfies `partita.flow.context.Context`."""

    __slots__ = ("_attempt", "_launches", "_progressed_at")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._progressed_at = -_PROGRESS_PAUSE_S
        self._launches = 0

    @property
    def run(self) -> str:
        """The run's id."""
        return self._attempt.run

    @property
    def step(self) -> str:
        """The step's name."""
        return self._attempt.name

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._attempt.number

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step, and for no other step."""
        attempt = self._attempt
        extra = attempt.extra or {}
        return extra.get("key") or f"{attempt.run}:{attempt.step}"

    @property
    def deadline(self) -> float | None:
        """When the attempt runs out of time, in seconds since the epoch; None: never."""
        attempt = self._attempt
        given = (attempt.extra or {}).get("deadline")
        if given is not None:
            return float(given)
        timeout_s = attempt.profile.timeout_s
        return None if timeout_s is None else attempt.started_at + timeout_s

    @property
    def previous_error(self) -> str | None:
        """What the attempt before this one failed with."""
        return (self._attempt.extra or {}).get("previous")

    @property
    def checkpoint(self) -> Path:
        """A folder that the next attempt of this step finds as this one left it."""
        attempt = self._attempt
        folder = Path(attempt.worker.workspace, "checkpoints", attempt.run, str(attempt.step))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def profile(self) -> WorkerProfile:
        """What the step's task is, and may have."""
        return self._attempt.profile

    @property
    def raised_memory_bytes(self) -> int:
        """What this attempt may hold after one before it ran out of memory; 0: as the task declares."""
        return int((self._attempt.extra or {}).get("memory", 0))

    def mask(self, text: str) -> str:
        """The text without the attempt's secrets."""
        return self._attempt.mask(text)

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the attempt is; more than ten times a second is not passed on, the last step always."""
        now = monotonic()
        if now - self._progressed_at < _PROGRESS_PAUSE_S and done != total:
            return
        self._progressed_at = now
        attempt = self._attempt
        total = None if total is None else _number(total)
        attempt.say([PROGRESS, attempt.ticket, _number(done), total, attempt.mask(str(note))])

    def report(self, name: str, value: float, step: int = 0) -> None:
        """Record a number by name, such as a loss; `step` counts along a curve.

        Raises:
            EngineError: `value` is no number, or `step` no whole one.
        """
        attempt = self._attempt
        attempt.say([REPORT, attempt.ticket, attempt.mask(str(name)), _number(value), _whole(step), time()])

    def should_stop(self) -> bool:
        """Whether the attempt was asked to stop. Who asks this is not interrupted, but has to return soon."""
        attempt = self._attempt
        control = attempt.worker.control
        control.has_polled = True
        return control.is_stopped(attempt.ticket)

    def launch(self, flow: Any, *args: Any, key: str | None = None, **kwargs: Any) -> ChildRun:
        """Start a run of a flow that is cancelled with this one.

        Args:
            key: the same key gives the same run again, in later attempts too; default: the flow and how many runs
                the attempt has launched before.
        """
        from partita.worker.launching import launch_request

        self._launches += 1
        key = key if key is not None else f"{getattr(flow, 'name', 'flow')}:{self._launches}"
        request = launch_request(self._attempt, flow, args, kwargs, f"{self.idempotency_key}/{key}")
        return ChildRun(self, str(self.ask("launch", request)))

    def ask(self, verb: str, question: dict[str, Any]) -> Any:
        """Ask the engine something and wait for its answer.

        Raises:
            EngineError: the engine refuses.
            NotFoundError, GateError: it was about a model or a gate, and refused so.
            SecretError: it was about a secret.
        """
        attempt = self._attempt
        attempt.requests += 1
        request = attempt.requests
        if verb == "model_change":
            question = {**question, "fields": self._said([question["what"], question["fields"]])[1]}
        attempt.say([REQUEST, attempt.ticket, request, verb, question])
        is_ok, answer = attempt.worker.control.wait_reply(request)
        if not is_ok:
            message = answer.get("message", answer) if isinstance(answer, dict) else answer
            if verb == SECRET:
                raise SecretError(message)
            if verb.startswith(("model", "gate")) and isinstance(answer, dict) and answer.get("type") in _OF_MODELS:
                raise _OF_MODELS[answer["type"]](message)
            raise EngineError(f"the engine refused to {verb}: {message}")
        return answer

    def keep(self, effect: list[Any]) -> None:
        """Have something done to the model registry when the step has succeeded; see `protocol.models`.

        Raises:
            DefinitionError: it is a flow that is laid out, which may happen more than once.
        """
        if self._attempt.profile.body != "task":
            raise DefinitionError("a flow's body changes nothing in the model registry; register and promote in a task")
        self._attempt.effects.append(self._said(effect))

    def _said(self, effect: list[Any]) -> list[Any]:
        """The effect without secrets in what people read of it; what is stored as a value is as it is."""
        if self._attempt.mask is str:
            return effect
        what, fields = effect
        said = {name: _masked(fields[name], self.mask) for name in _READ_BY_PEOPLE & fields.keys()}
        return [what, {**fields, **said}]

    @property
    def kept(self) -> list[list[Any]]:
        """What `keep` was given."""
        return self._attempt.effects

    @property
    def encoder(self) -> Encoder:
        """The codecs of the workspace."""
        return self._attempt.worker.values.encoder

    def fingerprint(self, function: Any) -> str:
        """The hash of the code that a function, task or flow of the bundle reaches."""
        return self._attempt.worker.values.fingerprint(function)

    @property
    def inputs(self) -> list[bytes]:
        """The packed nodes of what the step takes from others, and its packed arguments."""
        attempt = self._attempt
        return [*(attempt.inputs or ()), *([attempt.arguments] if attempt.arguments else [])]

    def decode(self, node: list[Any]) -> Any:
        """The value of a node that came with an answer."""
        return self._attempt.worker.values.decode(node, None)


class ChildRun:
    """A run that an attempt has launched."""

    def __init__(self, context: AttemptContext, identity: str) -> None:
        self.id = identity
        self._context = context
        self._ending: dict[str, Any] | None = None

    @property
    def state(self) -> str:
        """Lower-case name of its final state; waits for it."""
        return str(self.wait()._final()["state"])

    def wait(self) -> ChildRun:
        """Wait until the run has ended, whatever its end."""
        self._final()
        return self

    def result(self) -> Any:
        """The flow's value.

        Raises:
            StepError: the run failed.
            CancelledError: it was cancelled.
        """
        from partita.values import unpack

        final = self._final()
        error = final.get("error") or {}
        if final["state"] == "succeeded":
            return self._context.decode(unpack(final["result"]))
        if final["state"] == "cancelled":
            raise CancelledError(f"the child run {self.id} was cancelled")
        if not error:
            raise RunError(f"the child run {self.id} ended as {final['state']}")
        raise StepError(
            error.get("message", ""),
            kind=error.get("type", ""),
            report=error.get("traceback", ""),
            step=error.get("step", ""),
            run=self.id,
        )

    def _final(self) -> dict[str, Any]:
        if self._ending is None:
            self._ending = self._context.ask("wait", {"run": self.id})
        assert self._ending is not None
        return self._ending


def _masked(item: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(item, str):
        return mask(item)
    if isinstance(item, list):
        return [_masked(part, mask) for part in item]
    if isinstance(item, dict):
        return {key: _masked(part, mask) for key, part in item.items()}
    return item


def _whole(step: Any) -> int:
    """A step of a curve as a whole number.

    Raises:
        EngineError: it is none.
    """
    try:
        return max(-_LARGEST, min(int(step), _LARGEST))
    except (TypeError, ValueError, OverflowError):
        raise EngineError(f"{step!r} is not a whole number; the step of a report is one") from None


def _number(value: Any) -> int | float:
    """A number of Python's own from any number, NumPy's for instance.

    Raises:
        EngineError: it is none.
    """
    if type(value) is float or (type(value) is int and abs(value) <= _LARGEST):
        return value
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise EngineError(f"{value!r} is not a number; progress and reports take numbers") from None
