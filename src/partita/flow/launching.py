"""How a flow is started from Python: asked of whoever provides runs here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from partita.errors import EngineError

if TYPE_CHECKING:
    from partita.flow.flow import Flow

__all__ = ["Launcher", "RunHandle", "current_launcher", "launching", "set_launcher_provider"]


class RunHandle(Protocol):
    """A run, as whoever started it holds it."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...

    @property
    def state(self) -> str:
        """Lower-case name of the run's state."""
        ...

    @property
    def steps(self) -> Any:
        """The run's steps, as plain records."""
        ...

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until the run has ended, at most `timeout` seconds."""
        ...

    def result(self, timeout: float | None = None) -> Any:
        """The flow's value; raises what the run failed with."""
        ...


class Launcher(Protocol):
    """Starts runs."""

    def submit(
        self, flow: Flow[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any], options: dict[str, Any]
    ) -> RunHandle:
        """Start a run of the flow and do not wait for it."""
        ...

    def graph(self, flow: Flow[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Lay the flow out and run nothing of it; gives what can be shown of it."""
        ...

    def ask_registry(self, verb: str, fields: dict[str, Any]) -> Any:
        """Ask the model registry, or change it."""
        ...

    @property
    def encoder(self) -> Any:
        """The codecs of the values that runs have."""
        ...

    def trials(self) -> Any:
        """What a study starts and watches its runs by, see `partita.tune.port`."""
        ...


_provider: Callable[[], Launcher] | None = None
_override: ContextVar[Launcher | None] = ContextVar("partita_launcher", default=None)


def set_launcher_provider(provider: Callable[[], Launcher] | None) -> None:
    """Say who is asked where nothing else was said: called once by the package's face."""
    global _provider
    _provider = provider


@contextmanager
def launching(launcher: Launcher) -> Iterator[None]:
    """Have the launcher start the runs of what is called inside."""
    token = _override.set(launcher)
    try:
        yield
    finally:
        _override.reset(token)


def current_launcher() -> Launcher:
    """Who starts runs here.

    Raises:
        EngineError: nobody does.
    """
    launcher = _override.get()
    if launcher is not None:
        return launcher
    if _provider is None:
        raise EngineError("nothing here can start a run; `import partita` (not only partita.flow) sets that up")
    return _provider()
