"""A workspace whose runs follow a script, for tests of the command line."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from partita.errors import CheckError, NotFoundError, Problem
from partita.protocol.advice import AdviceReport, AdviceView
from partita.protocol.plans import PlanRequest, PlanView
from partita.protocol.requests import (
    AttemptView,
    CacheEntryView,
    CacheExplanation,
    EngineView,
    EnvironmentView,
    ExplanationView,
    Fact,
    HistoryView,
    LogChunk,
    ReportView,
    RunView,
    StepView,
    WatchView,
)
from partita.protocol.secrets import SecretChange, SecretView
from partita.protocol.waits import WaitView
from partita.settings import Settings
from partita.values import PLAIN, pack
from partita.workspace.port import CatalogueView, CheckView, ConvertView
from partita.workspace.settings_shown import SettingView, shown_settings
from tests.unit.drawing import plans

__all__ = ["FakeWorkspace", "make_run", "make_step"]

NOW = 1_790_000_000.0


def make_step(number: int, path: str, state: str = "succeeded", **fields: Any) -> StepView:
    step = StepView(
        id=number, parent=0, name=path.rpartition("/")[2], path=path, kind="task", state=state, marks=[], attempts=1,
        place="flows.py:7", inputs=[], fallback_of=-1, started_at=NOW, ended_at=NOW + 1.5, due_at=None, preview="42",
        error=None, progress=None,
    )  # fmt: skip
    step.update(fields)  # type: ignore[typeddict-item]
    return step


def make_run(number: str, state: str = "succeeded", **fields: Any) -> RunView:
    run = RunView(
        number=1,
        id=number, flow="flows.py:news", title="news", state=state, bundle="b1", tags=["nightly"], created_at=NOW,
        started_at=NOW, ended_at=NOW + 3.25, error=None, notes={}, counts={"succeeded": 3}, parent=None, rerun_of=None, publication="",
        owner="ann", weight=1.0, priority=0,
    )  # fmt: skip
    run.update(fields)  # type: ignore[typeddict-item]
    return run


def make_advice(kind: str, can_apply: bool) -> AdviceView:
    finding, proposal = {
        "cpu": (
            "asks for 4 cores; 5 attempts kept 1.1 cores busy, 1.2 at most", "ask for 2: others find room beside it",
        ),
        "split": ("fit takes 80 % of it", "split it"),
    }[kind]  # fmt: skip
    return AdviceView(
        kind=kind, task="fit", flow="flows.py:news", finding=finding, proposal=proposal,
        option={"cpu": 2} if can_apply else {}, can_apply=can_apply,
    )  # fmt: skip


def make_secret(name: str, version: int = 1) -> SecretView:
    now = time.time()
    return SecretView(
        name=name, version=version, created_at=now - 7200, created_by="ann", rotated_at=now - 60, rotated_by="bo"
    )


ERROR: Any = {
    "type": "ValueError", "message": "no [bold] letters in 'x'", "origin": "user", "step": "fit[1]",
    "traceback": 'Traceback (most recent call last):\n  File "flows.py", line 9, in fit\n    raise ValueError\n'
    "ValueError: no [bold] letters in 'x'",
}  # fmt: skip


class FakeWorkspace:
    """Implements `partita.workspace.port.Workspace`; `asked` keeps what it was asked to change."""

    is_remote = False

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.folder = folder
        self.settings = settings if settings is not None else Settings()
        self.open_waits: list[WaitView] = []
        self.asked: list[tuple[Any, ...]] = []
        self.standings: list[tuple[str, float | None, int | None]] = []  # of what was launched and rerun
        self.known_flows = ["flows.py:news", "flows.py:weather", "more/late.py:news_late"]
        self.known_environments: list[EnvironmentView] = []
        self.known_secrets: list[SecretView] = []
        self.known_history: list[HistoryView] = []
        self.known_advice = [make_advice("cpu", True), make_advice("split", False)]
        self.views: dict[str, RunView] = {}
        self.step_views: dict[str, list[StepView]] = {}
        self.before_end: Any = None  # called while a run is watched
        self.is_up = True
        self.add("0run1", "succeeded")

    def shown_settings(self) -> list[SettingView]:
        return shown_settings(self.settings)

    def add(self, number: str, state: str, steps: list[StepView] | None = None, **fields: Any) -> None:
        root = make_step(0, "news", state, parent=-1, kind="flow")
        if steps is None:
            steps = [make_step(1, "load"), make_step(2, "fit[0]"), make_step(3, "fit[1]"), make_step(4, "report")]
        self.step_views[number] = [root, *steps]
        counts: dict[str, int] = {}
        for step in self.step_views[number]:
            counts[step["state"]] = counts.get(step["state"], 0) + 1
        if state == "succeeded":
            fields.setdefault("result", pack([PLAIN, {"accuracy": 0.83, "loss": float("nan")}]))
        self.views[number] = make_run(number, state, counts=counts, **fields)

    def add_failed(self, number: str, **fields: Any) -> None:
        steps = [
            make_step(1, "load"),
            make_step(2, "fit[0]"),
            make_step(3, "fit[1]", "failed", error=ERROR, attempts=3),
            make_step(4, "report", "skipped", attempts=0, started_at=None, ended_at=None),
        ]
        self.add(number, "failed", steps, **{"error": ERROR, **fields})

    def launch(
        self,
        flow: str,
        *,
        texts: dict[str, str] | None = None,
        executor: str = "",
        tags: Sequence[str] = (),
        key: str = "",
        refresh: bool = False,
        owner: str = "",
        weight: float | None = None,
        priority: int | None = None,
    ) -> str:
        self.asked.append(("launch", flow, texts, executor, list(tags), key))
        self.standings.append((owner, weight, priority))
        if texts and "unknown" in texts:
            raise CheckError([Problem("news has no input 'unknown'", "flows.py:3", "it has n and rate")])
        self.add("0new", "succeeded") if "0new" not in self.views else None
        return "0new"

    def launch_published(self, name_at_version: str, texts: dict[str, str] | None = None, **options: Any) -> str:
        return self.launch(name_at_version, texts=texts, **options)

    def publication(self, name_at_version: str) -> Any:
        if name_at_version != "far":
            raise NotFoundError(f"no flow was published as {name_at_version!r}")
        return {"name": "far"}

    def check(self, flow: str, texts: dict[str, str], *, executor: str = "") -> CheckView:
        self.asked.append(("check", flow, texts, executor))
        problems: list[dict[str, Any]] = [
            {"message": "cannot decide whether fit takes list", "place": "flows.py:8", "remedy": "", "is_warning": True}
        ]
        if "bad" in texts:
            wrong = {"message": "fit takes int, load gives str", "place": "flows.py:9", "remedy": "convert it"}
            return {"problems": [*problems, {**wrong, "is_warning": False}], "graph": None}
        return {"problems": problems, "graph": {"steps": graph_steps()}}

    def plan(self, flow: str, texts: dict[str, str], request: PlanRequest) -> PlanView:
        self.asked.append(("plan", flow, texts, request))
        steps = [plans.step("load"), *(plans.step(f"fit[{n}]", [0]) for n in (0, 1)), plans.step("report", [1, 2])]
        view = plans.made(steps, {"fit": 20.0}, (plans.FAST, plans.CHEAP), request, flow.rpartition(":")[2])
        return {**view, "graph": graph_steps(), "problems": self.check(flow, texts)["problems"]}

    def advise(self, flow: str = "", *, apply: bool = False) -> AdviceReport:
        self.asked.append(("advise", flow, apply))
        return {
            "runs": 2, "attempts": 5, "advice": self.known_advice,
            "written": "partita.toml" if apply and self.known_advice else "",
        }  # fmt: skip

    def convert(self, flow: str, texts: dict[str, str]) -> ConvertView:
        self.asked.append(("convert", flow, texts))
        return {"text": f"name: {flow.rpartition(':')[2]}\n", "notes": ["fit: its option retry_on is left out"]}

    def _find(self, run: str) -> str:
        if run == "latest":
            return list(self.views)[-1]
        found = [number for number in self.views if number.startswith(run)]
        if len(found) != 1:
            raise NotFoundError(f"there is no run {run!r}; `partita runs list` shows those there are")
        return found[0]

    def run(self, run: str, *, with_result: bool = False) -> RunView:
        view = self.views[self._find(run)].copy()
        if not with_result:
            view.pop("result", None)
        return view

    def runs(
        self, *, flow: str = "", states: Sequence[str] = (), limit: int = 50, publication: str = ""
    ) -> list[RunView]:
        self.asked.append(("runs", flow or publication, list(states), limit))
        return [
            self.run(number) for number in reversed(self.views) if not states or self.views[number]["state"] in states
        ]

    def steps(self, run: str, *, after: int = -1, limit: int = 500) -> list[StepView]:
        return [step for step in self.step_views[self._find(run)] if step["id"] > after][:limit]

    def attempts(self, run: str, step: int | None = None) -> list[AttemptView]:
        return [
            AttemptView(step=step or 0, number=number, executor="process", outcome=outcome, started_at=NOW,
                        ended_at=NOW + 1, cpu_s=0.5, peak_bytes=3 << 20, node="process/x",
                        input_bytes=5 << 20, output_bytes=7 << 10, error=error)
            for number, outcome, error in ((1, "failed", ERROR), (2, "succeeded", None))
        ]  # fmt: skip

    def reports(self, run: str, step: int | None = None) -> list[ReportView]:
        return [
            ReportView(step=step or 0, attempt=2, name=name, value=value, at_step=epoch, reported_at=NOW)
            for name, value, epoch in (("loss", 0.5, 0), ("accuracy", 0.8123456789, 1), ("loss", 0.25, 1))
        ]

    def logs(self, run: str, *, step: int | None = None, attempt: int | None = None) -> Iterator[LogChunk]:
        self._find(run)
        self.asked.append(("logs", step, attempt))
        texts = {1: "loading\x1b[31m red\x1b[0m\x1b]0;title\x07\n", 3: "half a ", 4: "last line"}
        for number in [step] if step is not None else texts:
            text = texts.get(number, "")
            for position in (0, 1):
                part = text[:5] if position == 0 else text[5:]
                yield LogChunk(
                    step=number, attempt=1, path=f"step{number}", text=part, next_offset=0, is_complete=position > 0
                )

    def follow_logs(self, run: str, *, step: int | None = None) -> Iterator[LogChunk]:
        self.asked.append(("follow", step))
        yield from self.logs(run, step=step)

    def watch(self, run: str, version: int = 0, timeout_s: float = 10.0) -> WatchView:
        """First everything runs, then it is as the script says."""
        number = self._find(run)
        if version == 0:
            running: list[StepView] = [
                {**step, "state": "running", "ended_at": None} for step in self.step_views[number]
            ]
            return WatchView(version=1, run=self._running(number), steps=running, is_final=False)
        if self.before_end is not None:
            told = self.before_end(version)
            if told is not None:
                return WatchView(version=version, run=self._running(number), steps=[], is_final=False)
        return WatchView(version=2, run=self.run(number), steps=self.step_views[number], is_final=True)

    def _running(self, number: str) -> RunView:
        return {**self.run(number), "state": "running", "ended_at": None}

    def cancel(self, run: str, *, step: int | None = None, force: bool = False) -> None:
        number = self._find(run)
        self.asked.append(("cancel", number, step, force))
        self.views[number] = {**self.views[number], "state": "cancelled"}

    def resume(self, run: str) -> RunView:
        self.asked.append(("resume", self._find(run)))
        return self.run(run)

    def rerun(
        self,
        run: str,
        *,
        same_code: bool = False,
        texts: dict[str, str] | None = None,
        executor: str = "",
        owner: str = "",
        weight: float | None = None,
        priority: int | None = None,
        afresh: Sequence[int] = (),
        key: str = "",
    ) -> str:
        number = self._find(run)
        self.standings.append((owner, weight, priority))
        self.asked.append(("rerun", number, same_code, texts, executor))
        self.add("0again", "succeeded", rerun_of=number, notes={"adopted": 3})
        return "0again"

    def waits(self, run: str = "", *, kinds: Sequence[str] = (), limit: int = 10_000) -> list[WaitView]:
        return [wait for wait in self.open_waits if not kinds or wait["kind"] in kinds][:limit]

    def send(
        self, run: str, event: str, data: Any = None, *, key: str | int | None = None, id: str = "", by: str = ""
    ) -> bool:
        self.asked.append(("send", run, event, data, key, id, by))
        return id != "known"

    def approve(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        self.asked.append(("approve", run, step, comment, by))
        return self.open_waits[0]

    def reject(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        self.asked.append(("reject", run, step, comment, by))
        return self.open_waits[0]

    def answer(self, value: Any, run: str, step: int | None = None, *, by: str = "") -> WaitView:
        self.asked.append(("answer", value, run, step, by))
        return self.open_waits[0]

    def cache_entries(self, *, task: str = "", limit: int = 100) -> list[CacheEntryView]:
        return []

    def clear_cache(self, *, task: str = "", before: float | None = None, expired: bool = False) -> int:
        self.asked.append(("clear_cache", task, before, expired))
        return 0

    def history(self, task: str = "") -> list[HistoryView]:
        return [view for view in self.known_history if task in ("", view["task"])]

    def forget_history(self, task: str) -> int:
        self.asked.append(("forget_history", task))
        return 1

    def secrets(self) -> list[SecretView]:
        return self.known_secrets

    def set_secret(self, name: str, value: str, by: Any = "") -> SecretChange:
        self.asked.append(("set_secret", name, value, by))
        warning = "it has 2 characters" if len(value) < 3 else ""
        return SecretChange(secret=make_secret(name, len(self.asked)), is_new=len(self.asked) == 1, warning=warning)

    def remove_secret(self, name: str, by: Any = "") -> None:
        self.asked.append(("remove_secret", name))

    def rekey_secrets(self, by: Any = "") -> int:
        self.asked.append(("rekey_secrets",))
        return len(self.known_secrets)

    def environments(self) -> list[EnvironmentView]:
        return self.known_environments

    def environment_log(self, key: str) -> str:
        return f"making {key}\n"

    def prune_environments(self, unused_s: float) -> list[EnvironmentView]:
        self.asked.append(("prune_environments", unused_s))
        return self.known_environments[1:]

    def explain_cache(self, run: str, step: int) -> CacheExplanation:
        return CacheExplanation(run=run, step=step, path="fit", result="none", source=None, reasons=[], said=[])

    def components(self, words: str = "", name: str = "") -> CatalogueView:
        from partita.workspace.catalogue import find_components

        return find_components(self.folder, words, name)

    def explain(self, run: str, step: int = 0) -> ExplanationView:
        fact = Fact(topic="origin", text="It was laid out.", data={}, said=[])
        return ExplanationView(run=run, step=step, path="fit", state="succeeded", facts=[fact])

    def flows(self) -> list[str]:
        return self.known_flows

    def engine(self) -> EngineView | None:
        if not self.is_up:
            return None
        return EngineView(
            pid=4321, version="0.1.0", started_at=NOW, runs=1, steps=12, workers=2,
            capacity={"cpu": 4.0, "memory": 8 << 30, "gpu": 0.0}, held={"cpu": 2.0, "memory": 0.0, "gpu": 0.0},
        )  # fmt: skip

    def stop_engine(self) -> None:
        self.asked.append(("stop_engine",))
        self.is_up = False

    def close(self) -> None:
        return None


def graph_steps() -> list[StepView]:
    """load -> fit[0..29] -> gather -> report, and a deferred flow after it, inside a flow that is laid out."""
    fields: dict[str, Any] = {"state": "pending", "attempts": 0, "started_at": None, "ended_at": None, "preview": ""}
    steps = [
        make_step(0, "news", parent=-1, kind="flow", **fields),
        make_step(1, "load", **fields),
        make_step(2, "train", kind="flow", **fields),
        *(make_step(3 + i, f"fit[{i}]", parent=2, inputs=[1], **fields) for i in range(30)),
        make_step(33, "fit[]", parent=2, kind="gather", inputs=list(range(3, 33)), **fields),
        make_step(34, "report<&>", inputs=[33, 1], **fields),
        make_step(35, "improve", kind="flow", inputs=[34], **fields),
    ]
    return steps
