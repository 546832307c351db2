"""The engine of a project's workspace, and its store while no engine works on it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from partita.errors import EngineError, StoreError
from partita.protocol.requests import EngineView
from partita.workspace.settings_changes import changed_settings

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["LocalEngine"]

#: Seconds that an engine may take to end.
_ENDING_S = 15.0


class LocalEngine:
    """A part of `LocalWorkspace`."""

    @property
    def _local(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    def engine(self) -> EngineView | None:
        with contextlib.suppress(EngineError):
            view: EngineView = self._local.ask("engine", start=False)
            return {**view, "changed_settings": changed_settings(self._local.state, self._local.settings)}
        return None

    def be_engine(self) -> bool:
        from partita.workspace.composition import serve

        return serve(self._local.folder, self._local.settings, stays=True)

    def stop_engine(self) -> None:
        with contextlib.suppress(EngineError):
            self._local.ask("stop", start=False)
        self._local.close()

    def migrate_store(self) -> tuple[str, int]:
        from partita.store.opening import migrate

        with self._without_engine():
            return migrate(self._local.state, self._local.database)

    def copy_store(self, url: str, progress: Callable[[str, int], None]) -> tuple[str, dict[str, int]]:
        from partita.store.opening import copy_to

        if self._local.database:
            raise StoreError("the runs of this project lie in PostgreSQL already; `pg_dump` copies them elsewhere")
        self._local._need_state()
        with self._without_engine():
            return copy_to(self._local.state, url, progress)

    @contextlib.contextmanager
    def _without_engine(self) -> Iterator[None]:
        from partita.workspace.composition import sole_engine

        self._local.state.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + _ENDING_S
        while True:
            with sole_engine(self._local.state) as is_sole:
                if is_sole:
                    yield
                    return
            # One that answers no more is about to end.
            if self.engine() is not None or time.monotonic() > until:
                raise EngineError("an engine works on the store; end it first: `partita engine stop`")
            time.sleep(0.05)
