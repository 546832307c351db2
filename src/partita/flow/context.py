"""What a running attempt can ask and say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Context", "attempting", "context"]


class Context(Protocol):
    """The attempt that runs here."""

    @property
    def run(self) -> str:
        """The run's id."""
        ...

    @property
    def step(self) -> str:
        """The step's name."""
        ...

    @property
    def attempt(self) -> int:
        """The attempt's number, from 1."""
        ...

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step, and of no other: for systems that must do a thing once."""
        ...

    @property
    def deadline(self) -> float | None:
        """When the attempt is stopped, in seconds since the epoch; None: never."""
        ...

    @property
    def checkpoint(self) -> Path:
        """A folder that is kept for the step's next attempt."""
        ...

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the attempt is."""
        ...

    def report(self, name: str, value: float, step: int = 0) -> None:
        """Report a measured value, such as the loss after each epoch."""
        ...

    def should_stop(self) -> bool:
        """Whether the attempt was asked to end; it is killed when it does not within its grace."""
        ...

    def launch(self, flow: Any, *args: Any, key: str | None = None, **kwargs: Any) -> Any:
        """Start a run of the flow that is cancelled with this one; the same key gives the same run."""
        ...


class LocalContext:
    """The context of a call outside an attempt: everything works, and nobody listens."""

    run = "local"
    attempt = 1
    idempotency_key = "local"
    deadline: float | None = None

    def __init__(self) -> None:
        self._checkpoint: Any = None

    @property
    def step(self) -> str:
        return "local"

    @property
    def checkpoint(self) -> Path:
        """A folder that lasts as long as this process."""
        if self._checkpoint is None:
            from tempfile import TemporaryDirectory

            self._checkpoint = TemporaryDirectory(prefix="partita-checkpoint-", ignore_cleanup_errors=True)
        return Path(self._checkpoint.name)

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Nobody is shown it."""

    def report(self, name: str, value: float, step: int = 0) -> None:
        """Nobody keeps it."""

    def should_stop(self) -> bool:
        """Nobody can ask."""
        return False

    def launch(self, flow: Any, *args: Any, key: str | None = None, **kwargs: Any) -> Any:
        """Start a run of its own."""
        return flow.submit(*args, **kwargs)


_current: ContextVar[Context | None] = ContextVar("partita_context", default=None)
_local: LocalContext | None = None


def context() -> Context:
    """The attempt that runs here; outside one, a context that harms nothing."""
    found = _current.get()
    if found is not None:
        return found
    global _local
    if _local is None:
        _local = LocalContext()
    return _local


@contextmanager
def attempting(current: Context) -> Iterator[None]:
    """Have `context()` give this attempt inside."""
    token = _current.set(current)
    try:
        yield
    finally:
        _current.reset(token)
