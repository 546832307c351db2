"""Every error that Partita raises itself.

    PartitaError
    ├── DefinitionError          a task, flow or option is written wrongly
    │   ├── OptionError          an option has a value that it cannot have
    │   └── RefError             a promise was used as a value
    ├── ExpressionError          an expression of a YAML flow cannot be read, or has no value
    ├── CheckError               a flow or its inputs were refused before anything ran (lists every problem)
    ├── ContainerError           a container could not be started, or what ran in it failed
    │   └── OutOfMemoryError     it was ended for want of memory
    ├── LoadError                code could not be found or imported in a worker
    ├── RunError                 a run did not succeed
    │   ├── StepError            one step of it failed; carries what the worker reported
    │   └── CancelledError       it was cancelled
    ├── ValueStoreError          a value could not be stored or read back
    │   └── DamagedError         what is stored is not what was written
    ├── BackupError              a backup cannot be made, or not be restored
    ├── StoreError               the store cannot be used
    │   ├── NewerStoreError      a newer Partita wrote it
    │   ├── UnsafeStoreError     its file system cannot keep the promises
    │   ├── FencedError          another engine owns the run now
    │   └── StaleMoveError       another engine has moved an alias or a stage since; nothing of the turn was written
    ├── EngineError              the engine could not be started or reached
    │   └── ProtocolError        a message that the other side cannot mean
    ├── PlanningError            an instance or a plan of the planner is wrong, or cannot be kept
    ├── DataError                rows or labels are not what they have to be (lists every problem)
    ├── AnswerError              an approval, answer or event came too late, twice, or from somebody who may not say
    ├── ModelError               a model cannot be stored, opened or used
    │   ├── SignatureError       rows do not fit what a model takes
    │   └── GateError            a version may not have an alias; lists every gate
    ├── SecretError              a secret cannot be stored, opened or handed out
    ├── PublishError             a flow cannot be published, or code that came from elsewhere is refused
    │   └── PushError            a push is not signed by who it says, or was taken before
    ├── StudyError               a study cannot be made, or gone on with
    ├── AccessError              somebody may not do what was asked
    │   ├── SignInError          nobody knows who asks: no token, or a wrong one; or the provider did not say
    │   ├── ForbiddenError       who asks is known, and may not
    │   └── TooOftenError        it was tried too often; carries when to try again
    ├── SettingsError            a setting is unknown or has a value that it cannot have
    ├── NotFoundError            no run, step, flow or file of that name
    ├── RequestError             a request to the server cannot be understood, or is too much
    │   ├── BusyError            there is too much to do already; carries when to ask again
    │   └── ConflictError        it was asked with a key that was given to something else before
    ├── MissingExtraError        an optional part is not installed
    ├── Skip                     not an error: raised by a task or flow to say that there is nothing to do
    └── IllegalTransitionError   a fault of Partita itself: the state machine met what its table lacks

A message says what happened, with the value, and then what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

__all__ = [
    "AccessError",
    "AnswerError",
    "BusyError",
    "BackupError",
    "CancelledError",
    "CheckError",
    "ConflictError",
    "ContainerError",
    "DamagedError",
    "DataError",
    "DefinitionError",
    "EngineError",
    "ExpressionError",
    "FencedError",
    "ForbiddenError",
    "GateError",
    "IllegalTransitionError",
    "LoadError",
    "MissingExtraError",
    "ModelError",
    "NewerStoreError",
    "NotFoundError",
    "OptionError",
    "OutOfMemoryError",
    "PartitaError",
    "PlanningError",
    "Problem",
    "ProtocolError",
    "PublishError",
    "PushError",
    "RefError",
    "RequestError",
    "RunError",
    "SecretError",
    "SettingsError",
    "SignInError",
    "SignatureError",
    "Skip",
    "StaleMoveError",
    "StepError",
    "StoreError",
    "StudyError",
    "TooOftenError",
    "UnsafeStoreError",
    "ValueStoreError",
]


class PartitaError(Exception):
    """The root of all errors that Partita raises."""


class DefinitionError(PartitaError):
    """A task or flow is written in a way that cannot run."""


class OptionError(DefinitionError):
    """An option has a value that it cannot have."""


class RefError(DefinitionError, TypeError):
    """A Ref, the promise of a value, was used as if it were the value."""


class ExpressionError(PartitaError):
    """An expression of a YAML flow cannot be read, or has no value. `column` is where in it, from 1; 0: not known."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.column = column

    def __reduce__(self) -> tuple[Any, ...]:
        return (ExpressionError, (str(self), self.column))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a check found."""

    message: str  # what is wrong, with the value
    place: str = ""  # "file.py:12" of the call or definition
    remedy: str = ""  # what to do about it
    is_warning: bool = False  # a warning does not refuse the launch

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place else self.message
        return f"{head}\n    {self.remedy}" if self.remedy else head


class CheckError(PartitaError):
    """A flow or its inputs were refused before anything ran; `problems` lists everything that is wrong."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems) or "the flow was refused")

    def __reduce__(self) -> tuple[Any, ...]:
        return (CheckError, (self.problems,))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the problems name their places, and the way to them is none of the user's code."""
        return [f"CheckError: {self}"]


class DataError(PartitaError):
    """Rows of a table, or labels, are not what they have to be; `problems` lists everything that is wrong."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems) or "the data were refused")

    def __reduce__(self) -> tuple[Any, ...]:
        return (DataError, (self.problems,))


class LoadError(PartitaError):
    """Code could not be found or imported where it has to run."""


class ContainerError(PartitaError):
    """A container could not be started, or what ran in it failed. `exit_status` is None where nothing has run."""

    def __init__(self, message: str, exit_status: int | None = None) -> None:
        super().__init__(message)
        self.exit_status = exit_status

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (str(self), self.exit_status))


class OutOfMemoryError(ContainerError):
    """What ran in a container was ended because it needed more memory than the container may hold."""


class RunError(PartitaError):
    """A run did not succeed."""


class StepError(RunError):
    """A step failed. `kind` is the exception's type name, `report` its traceback as text."""

    def __init__(self, message: str, *, kind: str = "", report: str = "", step: str = "", run: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.report = report
        self.step = step
        self.run = run

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: where the worker failed, and not how this process came to know."""
        return [*self.report.rstrip().split("\n"), "", f"StepError: {self}"] if self.report else [f"StepError: {self}"]


class CancelledError(RunError):
    """The run was cancelled."""


class ValueStoreError(PartitaError):
    """A value could not be stored or read back."""


class DamagedError(ValueStoreError):
    """What is stored is not what was written: its hash differs."""

    digest: str = ""  # the hash of the blob that it is about


class StoreError(PartitaError):
    """The store cannot be used."""


class BackupError(PartitaError):
    """A backup cannot be made, or not be restored."""


class NewerStoreError(StoreError):
    """The store was written by a newer Partita."""


class UnsafeStoreError(StoreError):
    """The store's file system cannot keep what the store promises."""


class FencedError(StoreError):
    """Another engine owns the run now; this one's writes are refused."""


class StaleMoveError(StoreError):
    """What a turn does to an alias rests on what is no longer so; nothing of the turn was written.

    Either `move` is the id of the move, or `version` the model and number of the version that was to be forgotten; or, of
    published flows, `stage_move` is the id of the move, or `publication` the name and number that was to be retired.
    """

    def __init__(
        self,
        message: str,
        move: int = 0,
        version: tuple[str, int] | None = None,
        *,
        stage_move: int = 0,
        publication: tuple[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.move = move
        self.version = version
        self.stage_move = stage_move
        self.publication = publication

    def __reduce__(self) -> tuple[Any, ...]:
        again = partial(StaleMoveError, stage_move=self.stage_move, publication=self.publication)
        return (again, (str(self), self.move, self.version))


class PublishError(PartitaError):
    """A flow cannot be published, or code that came from elsewhere is refused."""


class PushError(PublishError):
    """A push is not signed by who it says, or was taken before."""


class EngineError(PartitaError):
    """The engine could not be started or reached."""


class ProtocolError(EngineError):
    """A message that does not follow the protocol."""


class PlanningError(PartitaError):
    """An instance or a plan of the planner is not what it should be, or asks for what cannot be."""


class AnswerError(PartitaError):
    """An approval, an answer or an event came too late, twice, or from somebody who may not say."""


class ModelError(PartitaError):
    """A model cannot be stored, opened or used."""


class SignatureError(ModelError, ValueError):
    """Rows do not fit what a model takes; the message lists everything that is wrong."""


class GateError(ModelError):
    """A version of a model may not have an alias; the message lists every gate with its numbers."""


class SecretError(PartitaError):
    """A secret cannot be stored, opened or handed out: for want of its key, for instance. The message never holds a value."""


class StudyError(PartitaError):
    """A study cannot be made or gone on with: it is another search, or somebody is at it."""


class AccessError(PartitaError):
    """Somebody may not do what was asked."""


class SignInError(AccessError):
    """Nobody knows who asks: there was no token, or a wrong one, or a provider did not vouch for anybody."""


class ForbiddenError(AccessError):
    """Who asks is known, and may not do that."""


class TooOftenError(AccessError):
    """It was tried too often; `wait_s` is in how many seconds it may be tried again."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s

    def __reduce__(self) -> tuple[Any, ...]:
        return (TooOftenError, (str(self), self.wait_s))


class SettingsError(PartitaError):
    """A setting is unknown or has a value that it cannot have."""


class RequestError(PartitaError):
    """A request to the server cannot be understood, or is too much."""


class BusyError(RequestError):
    """There is too much to do already; nothing was started. `retry_after_s` is when asking again makes sense."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[Any, ...]:
        return (BusyError, (str(self), self.retry_after_s))


class ConflictError(RequestError):
    """What is asked was asked with a key that was given to something else before; nothing was started."""


class NotFoundError(PartitaError, LookupError):
    """Nothing has that name."""


class MissingExtraError(PartitaError, ImportError):
    """An optional part of Partita is not installed."""


class Skip(PartitaError):
    """Raised in a task or a flow's body to say that there is nothing to do: `raise Skip("no new rows")`.

    The step is skipped, and with it the steps that need its value, but for parameters that may be None: they get None.
    Nothing fails by it, and there is no further attempt.
    """


class IllegalTransitionError(PartitaError):
    """The state machine met an event that its table lacks in this state: a fault of Partita, please report it."""
