"""What a step asks for and how it may fail, as plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Demand", "Profile"]


class Demand(NamedTuple):
    """The resources that one attempt holds while it runs."""

    cpu: float = 1.0  # CPU cores
    memory_bytes: int = 0  # resident memory, 0: not declared
    gpu: float = 0.0  # GPU devices; a fraction shares one
    slots: tuple[tuple[str, int], ...] = ()  # (name of a limit, how many of it), sorted by name
    learned_bytes: int = (
        0  # memory that its like were seen to need, where none is declared: it is kept free, and no limit
    )


@dataclass(frozen=True, slots=True)
class Profile:
    """What all calls of one task with the same options share.

    A layout sends each profile once; steps name it by number. It is plain data: what only user code can
    answer (a predicate, a function of the attempt) is evaluated in the worker, which finds it in `worker_options`.
    """

    function: str  # "package.module:qualified.name", or "folder/file.py:qualified.name" relative to the bundle
    title: str  # the task's name for people
    body: str = "task"  # how a worker runs it: "task", "flow", "map" (layout of task.map) or "check"
    demand: Demand = Demand()
    elements: Demand | None = None  # of a "map" of a task: what an attempt at one element will hold
    retries: int = 0  # further attempts after a failure of the user's code
    crash_retries: int | None = None  # further attempts after a failure of the machinery; None: as the settings say
    timeout_s: float | None = None  # seconds that one attempt may take
    grace_s: float | None = None  # seconds between asking an attempt to stop and killing it; None: likewise
    expect_s: float | None = (
        None  # seconds that an attempt is thought to take where nothing was learned; None: not said
    )
    deadline_s: float | None = None  # of a flow that is launched: seconds from the start of its run
    budget: float | None = None  # likewise: what the attempts of its run should cost
    overrun: str = "warn"  # likewise: "warn" or "stop", what is done beyond these
    priority: int = 0  # larger runs earlier among what is ready
    executor: str = ""  # name of the executor, empty: the workspace's default
    is_idempotent: bool = True  # false: at most one attempt that may have begun
    compensate: str | None = None  # function that undoes a finished step, called with its result and arguments
    fingerprint: str = ""  # hash of the code that the function reaches; decides adoption and cache hits
    version: str = ""  # the user's own version of the task
    description: str = ""
    tags: tuple[str, ...] = ()
    environment_variables: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # names; the worker takes their values, nobody sends them
    parameters: tuple[str, ...] = ()  # names of the positional parameters, of a cached task
    is_cached: bool = False  # a finished step gives its value to equal ones
    has_cache_key: bool = False  # a function of the user says which steps are equal
    cache_expiry_s: float | None = None  # seconds that a cached value counts, None: for good
    environment: str = ""  # text of a core.environment.Declaration; empty: the Python that runs the engine
    runs_container: bool = False  # its attempts start containers
    worker_options: bytes = (
        b""  # packed value of a dict that only workers open: retry_on, retry_delay, backoff, jitter, cache_key
    )

    @property
    def runs_tasks(self) -> bool:
        """Whether steps of it, or what it maps, are tasks."""
        return self.body == "task" or self.elements is not None
