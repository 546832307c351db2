"""What clients ask of waits: a part of the port of workspaces, and how it is answered on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from partita.protocol.waits import WaitView, only_wait
from partita.values import pack
from partita.workspace.naming import me, new_run_id
from partita.workspace.paging import read_waits

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["LocalWaits", "Waits"]


class Waits(Protocol):
    """The waits of a workspace."""

    def waits(self, run: str = "", *, kinds: Sequence[str] = (), limit: int = 10_000) -> list[WaitView]:
        """The open waits of all runs, oldest first, so many at most; or all waits of one run.

        Args:
            kinds: only "sleep", "until", "event", "approval" or "answer"; empty: all.
        """
        ...

    def closed_waits(self, *, before: tuple[int, int] = (0, 0), limit: int = 50) -> list[WaitView]:
        """Approvals and answers that are over, of the newest runs first, without what was shown; from below (number, step)."""
        ...

    def send(
        self, run: str, event: str, data: Any = None, *, key: str | int | None = None, id: str = "", by: str = ""
    ) -> bool:
        """Send an event to a run, or, for the run "", to whichever waits for it; False: one of this id was sent before."""
        ...

    def approve(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        """Approve what a step asks; default: the only one of the run that asks."""
        ...

    def reject(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        """Reject what a step asks."""
        ...

    def answer(self, value: Any, run: str, step: int | None = None, *, by: str = "") -> WaitView:
        """Answer what a step asks, with plain data or texts."""
        ...


class LocalWaits:
    """A part of `LocalWorkspace`. Who works in the folder may write the settings, and counts as an administrator."""

    @property
    def _local(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    def waits(self, run: str = "", *, kinds: Sequence[str] = (), limit: int = 10_000) -> list[WaitView]:
        if not self._local.state.exists():
            return []
        if run:
            of_run: list[WaitView] = self._local.ask("waits", run=run)
            return [wait for wait in of_run if not kinds or wait["kind"] in kinds]
        return read_waits(self._local.ask, limit, kinds)

    def closed_waits(self, *, before: tuple[int, int] = (0, 0), limit: int = 50) -> list[WaitView]:
        if not self._local.state.exists():
            return []
        over: list[WaitView] = self._local.ask("waits", closed=True, before=list(before), limit=limit)
        return over

    def send(
        self, run: str, event: str, data: Any = None, *, key: str | int | None = None, id: str = "", by: str = ""
    ) -> bool:
        from partita.workspace.runs import encoder_of

        self._local._need_state()
        packed = pack(encoder_of(self._local).encode(data, None))
        id = id or new_run_id()  # the connection asks again where an engine dies over it
        answer = self._local.ask("send", run=run, name=event, data=packed, key=key, id=id, by=by)
        return not answer["is_duplicate"]

    def approve(
        self, run: str, step: int | None = None, *, comment: str = "", by: str = "", is_administrator: bool = True
    ) -> WaitView:
        return self._decide(run, step, True, comment, by, is_administrator)

    def reject(
        self, run: str, step: int | None = None, *, comment: str = "", by: str = "", is_administrator: bool = True
    ) -> WaitView:
        return self._decide(run, step, False, comment, by, is_administrator)

    def answer(
        self, value: Any, run: str, step: int | None = None, *, by: str = "", is_administrator: bool = True
    ) -> WaitView:
        self._local._need_state()
        step = only_wait(self.waits(run), "answer", run) if step is None else step
        view: WaitView = self._local.ask(
            "answer", run=run, step=step, value=value, by=by or me(), is_administrator=is_administrator
        )
        return view

    def _decide(
        self, run: str, step: int | None, is_approved: bool, comment: str, by: str, is_administrator: bool
    ) -> WaitView:
        self._local._need_state()
        step = only_wait(self.waits(run), "approval", run) if step is None else step
        view: WaitView = self._local.ask(
            "decide", run=run, step=step, approved=is_approved, comment=comment, by=by or me(),
            is_administrator=is_administrator,
        )  # fmt: skip
        return view
