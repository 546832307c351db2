"""What clients and the engine say to each other: requests and plain records.

Over the local socket every message is a 4-byte little-endian length and a MessagePack array:
client `[number, verb, map]`, engine `[number, is_ok, answer]`. A request that is refused answers with an error map:
"type" (name of a class in `partita.errors`), "message", and "problems" for a CheckError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NotRequired, TypedDict

from partita.protocol.sentences import Sentence

__all__ = [
    "STATES", "AttemptView", "CacheEntryView", "CacheExplanation", "EngineView", "EnvironmentView", "ErrorView",
    "NO_KEY", "ExplanationView", "Fact", "HistoryView", "LaunchKey", "LaunchRequest", "LogChunk", "NewsView", "ReportView",
    "RunView", "SpreadView", "StatesView", "StepView", "WatchView",
    "as_problem", "is_refused", "report_view",
]  # fmt: skip

#: The states that runs and steps are told in.
STATES = ("pending", "ready", "running", "waiting", "succeeded", "failed", "cancelled", "skipped")


class ErrorView(TypedDict, total=False):
    """Why something failed."""

    type: str  # name of the exception's type
    message: str
    traceback: str
    origin: str  # "user" or "machine"
    problems: list[dict[str, Any]]  # fields of Problem, where a check refused the launch
    step: str  # path of the step that failed, in a run's error


_OURS = "partita.errors."
_CAUSE = "The above exception was the direct cause of the following exception:"


def as_problem(error: ErrorView) -> dict[str, Any]:
    """An error as a problem of a check: with what to do where it says so, else with where it was raised."""
    kind, message = error.get("type", ""), error.get("message", "")
    trace = (
        error.get("traceback", "").strip().removesuffix(f"{kind}: {message}").strip().removesuffix(_CAUSE).strip("\n")
    )
    if not kind.startswith(_OURS):
        return {"message": f"{kind}: {message}".strip(": "), "remedy": trace}
    head, _, remedy = message.partition("; ")
    return {"message": message, "remedy": trace} if trace else {"message": head, "remedy": remedy}


class LaunchKey(NamedTuple):
    """What makes a second launch give the first run."""

    key: str = ""  # empty: each launch is a run
    asked: str = ""  # hash of what was asked with it: the key for something else is refused


NO_KEY = LaunchKey()


class LaunchRequest(TypedDict, total=False):
    """What starts a run."""

    id: str  # of the run to be, made by the client: asking again, when an engine died over it, gives the same run
    flow: str  # function reference: "package.module:name" or "folder/file.py:name"
    title: str  # the flow's name
    bundle: str  # hash of a bundle that the client has stored
    arguments: bytes  # packed [nodes, names, nodes]
    texts: dict[str, str]  # or arguments as text, which the worker converts by the flow's signature
    profile: dict[str, Any]  # fields of the flow's Profile where the client knows them (timeout_s, retries, ...)
    executor: str  # for all steps that name none
    tags: list[str]
    refresh: bool  # compute what the cache has, and keep the new values
    adopt: str  # id of the run that this one reruns
    afresh: list[int]  # steps of that run that are done again with all that came of them, whatever has changed
    key: str  # idempotency key: a second launch with this key gives the first run
    asked: str  # hash of what was asked with the key: the same key for something else, or another flow, is refused
    publication: str  # instead of a bundle: a published flow, as "train@3"; `flow` is then this text
    stage: str  # what a publication without a version means, where the flow has that stage
    checks: dict[str, Any]  # what gates the run checks: "name", "number", "stage", "before", "why", "gates"
    is_sample: bool  # of a child run: whether its parent checks gates
    user: str  # who asks for it, as far as is known: the owner, where none is said
    owner: str  # whose runs share what one owner gets
    weight: float  # how much it gets beside a run of weight 1
    priority: int  # added to that of each of its steps
    traceparent: str  # W3C Trace Context of whoever launches: the run's spans hang under it


class RunView(TypedDict):
    """A run, for people and programs."""

    id: str
    number: int  # among the runs of the store, in the order in which they were launched
    flow: str
    title: str
    state: str  # one of STATES
    bundle: str
    tags: list[str]
    created_at: float
    started_at: float | None
    ended_at: float | None
    error: ErrorView | None
    notes: dict[
        str, Any
    ]  # "vanished": paths, "warnings": problems, "adopted": number of adopted steps, "held_by": "person" or "event"
    counts: dict[str, int]  # steps by state
    parent: str | None  # id of the run that launched it
    rerun_of: str | None
    publication: str  # the version of a published flow that it is of: "train@3"; empty: of none
    owner: str  # empty: nobody's
    weight: float  # what it counts for among runs
    priority: int  # added to that of each of its steps
    result: NotRequired[bytes | None]  # packed node without refs, when asked for


def is_refused(run: RunView) -> bool:
    """Whether the checks refused the run before it began, which is another thing than having failed."""
    return run["state"] == "failed" and bool((run["error"] or {}).get("problems")) and sum(run["counts"].values()) == 1


class StepView(TypedDict):
    """A step, for people and programs."""

    id: int
    parent: int
    name: str
    path: str  # "train/fit[3]"
    kind: str  # "task", "flow", "settle", "gather", "undo"
    state: str
    marks: list[str]  # "adopted", "crashed", "compensated", ...
    attempts: int
    place: str
    inputs: list[int]  # ids of the steps that it needs
    fallback_of: int
    started_at: float | None
    ended_at: float | None
    due_at: float | None
    preview: str  # a short text of its value
    error: ErrorView | None
    progress: list[Any] | None  # [done, total, note] of the attempt that runs


class AttemptView(TypedDict):
    """An attempt, for people and programs."""

    step: int
    number: int
    executor: str
    outcome: str  # "running" or what AttemptEnd says
    started_at: float
    ended_at: float | None
    cpu_s: float
    peak_bytes: int
    node: str  # class of the machine that it ran on
    input_bytes: int  # size of its arguments and inputs
    output_bytes: int  # size of its value
    error: ErrorView | None


class ReportView(TypedDict):
    """A number that a step reported, for people and programs."""

    step: int
    attempt: int
    name: str
    value: float | None  # None, from a server: it is no finite number
    at_step: int  # the user's own counter: epoch, iteration
    reported_at: float


def report_view(row: Sequence[Any]) -> ReportView:
    """What the engine tells of one: [run, step, attempt, name, value, at_step, reported_at]."""
    _, step, attempt, name, value, at_step, reported_at = row
    return ReportView(step=step, attempt=attempt, name=name, value=value, at_step=at_step, reported_at=reported_at)


class EnvironmentView(TypedDict):
    """An environment of tasks, for people and programs."""

    key: str
    title: str  # what it was made from
    folder: str
    python: str  # version of its interpreter
    packages: list[str]  # "name==version"
    made_at: float
    took_s: float  # seconds that making it took
    used_at: float  # when a worker last started in it; 0: never
    size_bytes: int  # disk that would be free without it
    is_complete: bool  # else making it was broken off, or is going on
    is_in_use: bool


class LogChunk(TypedDict):
    """A piece of an attempt's log."""

    step: int
    attempt: int
    path: str  # the step's path
    text: str
    next_offset: int  # where to go on in this attempt's log
    is_complete: bool  # nothing more will come from this attempt


class WatchView(TypedDict):
    """What has changed since a version."""

    version: int  # to be given to the next watch
    run: RunView
    steps: list[StepView]  # changed since, at most 500; the newest states
    is_final: bool


class StatesView(TypedDict):
    """What has changed since a version, as states only: cheap to tell often of a large run."""

    version: int  # to be given to the next watch
    state: str  # of the run
    counts: dict[str, int]  # steps by state
    states: list[list[Any]]  # [step, state] of those changed since, at most 5,000; the newest states
    created: int  # steps that were laid out so far
    is_final: bool
    is_cut: bool  # more have changed than are named: look at the steps anew
    origin: int  # of the engine: versions of another one say nothing


class NewsView(TypedDict):
    """What has changed in the workspace since a version."""

    version: int  # to be given next; no other engine gives the same ones
    changes: list[list[str]]  # [topic, key]: ["run", its id], ["waits", ""], ["models", name]
    is_whole: bool  # else so much has changed, or the engine is another one, that everything is to be looked at anew


class CacheEntryView(TypedDict):
    """A cached value."""

    key: str  # hexadecimal
    task: str
    function: str
    run: str  # id of the run that computed it
    step: int
    created_at: float
    expires_at: float | None
    is_expired: bool
    hits: int
    hit_at: float | None


class CacheExplanation(TypedDict):
    """Why a step was or was not taken from the cache."""

    run: str
    step: int
    path: str
    result: str  # "hit", "miss", "waiting", "adopted", or "none" where nobody asked the cache
    source: list[Any] | None  # [run, step] that computed the value
    reasons: list[str]  # sentences
    said: list[Sentence]  # the same, as kinds with values


class SpreadView(TypedDict):
    """A distribution: what a tenth, half and nine tenths of cases stay below."""

    p10: float
    p50: float
    p90: float


class HistoryView(TypedDict):
    """What was learned of a function, in one version, on machines of one class; for an input of the usual size."""

    task: str
    function: str
    version: str
    node: str
    seen: int  # attempts that it rests on
    updated_at: float
    input_bytes: int  # size of the usual input
    duration_s: SpreadView
    memory_bytes: SpreadView  # peaks
    output_bytes: SpreadView
    most_memory_bytes: int  # the highest peak
    cores: float  # that an attempt keeps busy


class ExpectationView(TypedDict):
    """What an attempt is thought to take, as the engine thinks."""

    basis: str  # of the duration: "step", "function", "hint", "flow", "all", "nothing"; see `plan.history`
    seen: int  # attempts that it rests on
    duration_s: SpreadView
    memory_basis: str
    memory_bytes: SpreadView
    output_bytes: SpreadView


class Fact(TypedDict):
    """One thing that is known of a step."""

    topic: str  # "origin", "branch", "inputs", "resources", "executor", "cache", "attempt", "skipped", "now", ...
    text: str  # a sentence, or a few
    data: dict[str, Any]  # the numbers and names in it
    said: list[Sentence]  # the text as kinds with values, for those who say it in another language


class ExplanationView(TypedDict):
    """Why a step or a run went as it went."""

    run: str
    step: int  # 0: the run
    path: str
    state: str
    facts: list[Fact]


class ExecutorView(TypedDict):
    """One executor as the settings have it."""

    name: str
    kind: str
    cpu: float
    memory_bytes: int
    gpu: float
    is_default: bool  # whether steps go there that name none


class ProbeView(TypedDict):
    """How it went to send a step through an executor."""

    name: str
    is_ok: bool
    took_s: float  # with the start of a worker
    error: str  # in words; empty where it went well
    said: Sentence | None  # the error as a kind with values, unless it is the step's own
    told: dict[str, Any]  # where the step ran: "python", "machine", "pid", "cores", "prefix"


class EngineView(TypedDict):
    """What the engine says of itself."""

    pid: int
    version: str
    started_at: float
    runs: int  # runs that are not final
    steps: int  # steps in memory
    capacity: dict[str, float]
    held: dict[str, float]
    workers: int
    others: NotRequired[list[str]]  # "host:pid" of the engines that share its runs
    changed_settings: NotRequired[list[str]]  # keys of settings that say something else now than when it began
