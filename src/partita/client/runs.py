"""Calls about runs and what they are made of."""

from __future__ import annotations

import uuid
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from partita.client.calls import LONG_S, Calls, idempotent
from partita.client.streams import follow
from partita.client.transport import quoted
from partita.protocol.artifacts import HeldRun, PrunableView
from partita.protocol.plans import EstimateView, PlanView
from partita.protocol.requests import (
    AttemptView,
    ExplanationView,
    LogChunk,
    ReportView,
    RunView,
    StatesView,
    StepView,
    WatchView,
)
from partita.protocol.waits import WaitView
from partita.views.paging import LIMIT_AT_MOST, cursor_of

__all__ = ["RunCalls"]


class RunCalls(Calls):
    """Runs, steps, attempts, logs, waits. A run is named by its id, the beginning of its id, or "latest"."""

    def launch(
        self,
        flow: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        executor: str = "",
        tags: Sequence[str] = (),
        key: str = "",
        refresh: bool = False,
        owner: str = "",
        weight: float | None = None,
        priority: int | None = None,
    ) -> RunView:
        """Start a run of a flow that the server has.

        Args:
            inputs: by name, as texts or plain values.
            key: a second launch with it gives the first run; one of something else is refused. Default: one of its own, so that
                a launch whose answer was lost is not done twice.
        """
        body = {
            "flow": flow, "inputs": dict(inputs or {}), "executor": executor, "tags": list(tags), "refresh": refresh,
            "owner": owner, "weight": weight, "priority": priority,
        }  # fmt: skip
        return cast("RunView", self._post("/runs", body, headers=idempotent(key), is_repeatable=True))

    def run(self, run: str) -> RunView:
        """One run."""
        return cast("RunView", self._get(f"/runs/{quoted(run)}"))

    def runs(
        self, *, flow: str = "", states: Sequence[str] = (), text: str = "", since: float = 0.0, until: float = 0.0,
        order: str = "newest", limit: int | None = None, before: int = 0, publication: str = "",
    ) -> Iterator[RunView]:  # fmt: skip
        """Runs, the newest first, a page at a time as they are taken.

        Args:
            before: number of the run after which the list begins; 0: from its beginning.
        """
        query = {
            "flow": flow or None, "state": list(states), "text": text or None, "since": since or None,
            "until": until or None, "order": order, "publication": publication or None,
        }  # fmt: skip
        return self._pages("/runs", query, limit, before)

    def result(self, run: str) -> Any:
        """The value of a run that has succeeded; parts that are no plain data, or large, are maps: "codec", "preview", "hash"."""
        return self._get(f"/runs/{quoted(run)}/result")["value"]

    def packed_result(self, run: str) -> bytes | None:
        """The value as it is packed, for what has Partita."""
        packed = self._get(f"/runs/{quoted(run)}/result")["node"]
        return None if packed is None else b64decode(packed)

    def run_plan(self, run: str) -> PlanView | None:
        """When the steps of a run were first thought to begin and end; None: nothing was forecast of it."""
        return cast("PlanView | None", self._get(f"/runs/{quoted(run)}/plan"))

    def run_estimates(self, run: str) -> list[EstimateView]:
        """How the estimate of the run's finish went, the oldest first."""
        return cast("list[EstimateView]", self._get(f"/runs/{quoted(run)}/estimates"))

    def watch(self, run: str, version: int = 0, timeout_s: float = 10.0) -> WatchView:
        """Wait until something has changed since a version, at most so many seconds."""
        asked = min(max(timeout_s, 0.0), 30.0)
        return cast("WatchView", self._get(f"/runs/{quoted(run)}/watch", version=version, timeout_s=asked))

    def wait(self, run: str) -> RunView:
        """The run, once it has ended; breaks of the connection and restarts of the server are waited out."""
        for _ in self.follow_run(run):
            pass
        return self.run(run)

    def follow_run(self, run: str) -> Iterator[StatesView]:
        """The states of a run's steps as they change, until it has ended."""
        for kind, data in follow(self._transport, f"/runs/{quoted(run)}/events"):
            if kind == "states":
                yield cast("StatesView", data)

    def events(self) -> Iterator[list[list[str]]]:
        """What changes in the workspace, as lists of [topic, key], without end.

        After a break of the connection everything may have changed: that is told as ["all", ""].
        """
        for kind, data in follow(self._transport, "/events"):
            if kind == "again":
                yield [["all", ""]]
            elif kind == "news":
                yield cast("list[list[str]]", data)

    def cancel(self, run: str, *, step: int | None = None, force: bool = False) -> RunView:
        """Ask a run, or a step of it, to stop."""
        return cast("RunView", self._post(f"/runs/{quoted(run)}/cancel", {"step": step, "force": force}))

    def resume(self, run: str) -> RunView:
        """Let an unfinished run go on."""
        return cast("RunView", self._post(f"/runs/{quoted(run)}/resume"))

    def rerun(
        self,
        run: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        same_code: bool = False,
        executor: str = "",
        owner: str = "",
        weight: float | None = None,
        priority: int | None = None,
        afresh: Sequence[int] = (),
        key: str = "",
    ) -> RunView:
        """A new run that adopts what is unchanged, but for steps `afresh` and all that came of them; `key` as for a launch."""
        body = {
            "inputs": dict(inputs) if inputs is not None else None, "same_code": same_code, "executor": executor,
            "afresh": list(afresh),
            "owner": owner, "weight": weight, "priority": priority,
        }  # fmt: skip
        return cast(
            "RunView",
            self._post(f"/runs/{quoted(run)}/rerun", body, headers=idempotent(key), is_repeatable=True),
        )

    def delete_run(self, run: str) -> int:
        """Delete a finished run; gives the bytes of files that it freed."""
        return int(self._delete(f"/runs/{quoted(run)}")["freed_bytes"])

    def prunable_runs(
        self, *, runs: Sequence[str] = (), flow: str = "", states: Sequence[str] = (), before: float | None = None,
        keep: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """Finished runs that fit: "runs", and "held" with the reason why one cannot be deleted now."""
        body = {"runs": list(runs), "flow": flow, "states": list(states), "before": before, "keep": keep}
        chosen: dict[str, RunView] = {}
        held: dict[str, HeldRun] = {}
        query: dict[str, Any] = {"limit": LIMIT_AT_MOST}
        while True:
            page: PrunableView = self._transport.json("POST", "/runs/prunable", query, body, is_repeatable=True)
            chosen |= {run["id"]: run for run in page["runs"]}
            held |= {one["run"]: one for one in page["held"]}
            if not page["next"]:
                return {"runs": list(chosen.values()), "held": list(held.values())}
            query["cursor"] = page["next"]

    def compare_runs(self, one: str, other: str) -> dict[str, Any]:
        """What differs between two runs."""
        path = f"/runs/{quoted(one)}/compare/{quoted(other)}"
        return cast("dict[str, Any]", self._transport.json("GET", path, timeout_s=LONG_S))

    def steps(
        self, run: str, *, states: Sequence[str] = (), is_brief: bool = False, limit: int | None = None
    ) -> Iterator[StepView]:
        """The steps of a run, by id, a page at a time as they are taken."""
        return self._pages(f"/runs/{quoted(run)}/steps", {"state": list(states), "brief": is_brief}, limit)

    def steps_after(self, run: str, after: int, limit: int, *, is_brief: bool = False) -> list[StepView]:
        """So many steps after one."""
        found: list[StepView] = []
        while len(found) < limit:
            cursor = cursor_of(after) if after >= 0 else None
            size = min(limit - len(found), LIMIT_AT_MOST)
            page = self._get(f"/runs/{quoted(run)}/steps", brief=is_brief, limit=size, cursor=cursor)
            found += page["items"]
            if not page["next"]:
                break
            after = found[-1]["id"]
        return found

    def step(self, run: str, step: int | str) -> StepView:
        """One step, by its number, or by its path or the end of it."""
        if isinstance(step, int):
            return cast("StepView", self._get(f"/runs/{quoted(run)}/steps/{step}"))
        return cast("StepView", self._transport.json("GET", f"/runs/{quoted(run)}/step", {"path": step}))

    def attempts(self, run: str, step: int | None = None) -> list[AttemptView]:
        """The attempts of a run, or of one step."""
        return cast("list[AttemptView]", self._get(f"/runs/{quoted(run)}/attempts", step=step))

    def reports(self, run: str, step: int | None = None) -> list[ReportView]:
        """The last 10,000 numbers that steps of a run, or one step, reported, in the order in which they came."""
        return cast("list[ReportView]", self._get(f"/runs/{quoted(run)}/reports", step=step))

    def explain(self, run: str, step: int = 0) -> ExplanationView:
        """Why a step, or the run (0), went as it went."""
        return cast("ExplanationView", self._get(f"/runs/{quoted(run)}/explanation", step=step))

    def log(self, run: str, step: int, attempt: int | None = None) -> str:
        """What a step printed and logged so far."""
        answer = self._transport.send("GET", f"/runs/{quoted(run)}/steps/{step}/log", {"attempt": attempt})
        try:
            return answer.read().decode("utf-8", "replace")
        finally:
            answer.release_conn()

    def log_chunk(self, run: str, step: int, attempt: int, offset: int = 0) -> LogChunk:
        """A piece of an attempt's log, from an offset on."""
        path = f"/runs/{quoted(run)}/steps/{step}/attempts/{attempt}/log"
        return cast("LogChunk", self._get(path, offset=offset))

    def follow_log(self, run: str, step: int, attempt: int | None = None, offset: int = 0) -> Iterator[LogChunk]:
        """A step's log as it grows, until its attempt has ended; after a break it goes on where it was."""
        path = f"/runs/{quoted(run)}/steps/{step}/log/events"
        place = {"attempt": attempt, "offset": offset}
        for kind, data in follow(self._transport, path, lambda: place):
            if kind == "log":
                # When the step is tried again meanwhile, the offset means nothing in that attempt's log.
                place.update(attempt=data["attempt"] or attempt, offset=data["next_offset"])
                yield cast("LogChunk", data)

    def waits(self, run: str = "", *, kinds: Sequence[str] = (), limit: int = 10_000) -> list[WaitView]:
        """The open waits of all runs, the oldest first, so many at most; or all waits of one run.

        Args:
            kinds: only "sleep", "until", "event", "approval" or "answer"; empty: all.
        """
        if run:
            of_run = cast("list[WaitView]", self._get(f"/runs/{quoted(run)}/waits"))
            return [wait for wait in of_run if not kinds or wait["kind"] in kinds]
        return cast("list[WaitView]", self._get("/waits", kind=list(kinds), limit=limit))

    def closed_waits(self, *, before: tuple[int, int] = (0, 0), limit: int = 50) -> list[WaitView]:
        """Approvals and answers that are over, of the newest runs first; from below (number of the run, step)."""
        cursor = cursor_of(list(before)) if before[0] else None
        return cast("list[WaitView]", self._get("/waits/closed", limit=limit, cursor=cursor)["items"])

    def send(self, event: str, data: Any = None, *, run: str = "", key: str | int | None = None, id: str = "") -> bool:
        """Send an event to a run, or to whichever waits for it; False: one of this id was sent before."""
        body = {"event": event, "data": data, "key": key, "id": id or uuid.uuid4().hex}
        path = f"/runs/{quoted(run)}/events" if run else "/events"
        # With an id a second one counts once.
        return bool(self._post(path, body, is_repeatable=True)["is_new"])

    def approve(self, run: str, step: int, *, comment: str = "") -> WaitView:
        """Approve what a step asks."""
        return cast("WaitView", self._post(f"/runs/{quoted(run)}/steps/{step}/approve", {"comment": comment}))

    def reject(self, run: str, step: int, *, comment: str = "") -> WaitView:
        """Reject what a step asks."""
        return cast("WaitView", self._post(f"/runs/{quoted(run)}/steps/{step}/reject", {"comment": comment}))

    def answer(self, run: str, step: int, value: Any) -> WaitView:
        """Answer what a step asks, with plain data or texts."""
        return cast("WaitView", self._post(f"/runs/{quoted(run)}/steps/{step}/answer", {"value": value}))
