"""The port of executors: where attempts run.

An executor offers *lanes*. A lane runs one order at a time, in the order in which they were submitted; with processes
a lane is a warm worker. The engine admits: it holds a lane's demand from its first unfinished order to its last.

Laws, held by the contract suite in `partita.testing`:

1. Every submitted order ends in exactly one message: DONE, FAILED, LAID, LOST or RETURNED. Nothing is said of a
   ticket after its end.
2. RETURNED, and what `take_back` gives, mean that not one instruction of the order's code has run. What stands behind
   an attempt that asks stays there: who lets the attempt wait takes it back.
3. No method but `receive` waits. `receive` waits no longer than its time-out.
4. A lane whose worker dies says LOST for the one order that was running, RETURNED for those behind it, then CLOSED.
   A lane that wears out (RETIRING) says RETURNED for what it has not begun, then CLOSED.
5. An order that is cancelled ends soon after its grace: by its own message or by LOST with the reason given. Where its worker
   cannot be reached SILENT comes first, and its end when it is known what has become of the worker.
6. A `prepare` that says False is followed by one PREPARED of that environment.
7. After `close`, no process that the executor started is alive.
8. What `place` gave names the lane's worker also to a later executor, after the engine died or called `leave`. An order that
   `attach` takes up ends as if that executor had been given it; it is RETURNED where the worker never got it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Protocol

from partita.core.records import Demand, Profile
from partita.protocol.messages import Order

__all__ = [
    "CLOSED",
    "LOST",
    "PREPARED",
    "PREPARING",
    "RETURNED",
    "SILENT",
    "Capacity",
    "Executor",
    "Launchable",
    "Message",
]

#: Tags that the executor itself says, beside those of `protocol.messages` (which it passes on as they came):
#: [LOST, ticket, reason, detail, usage, log] with reason "died", "memory", "timeout", "cancelled", "stopped", "evicted" (its
#: place was taken from it, which is no fault of its own) or "refused" (it could not be started, and another try would end
#: the same way) and a detail for people; [RETURNED, ticket]; [CLOSED, lane]; [SILENT, ticket, detail] of an order that was
#: cancelled: it need not be waited for, and still holds its lane's demand; [PREPARING, environment, what is going on];
#: [PREPARED, environment, error, may_pass, log] with an error for people, empty where the environment is ready, whether
#: it may well go better the next time, and the path of a file with all that was said meanwhile.
LOST, RETURNED, CLOSED, PREPARING, PREPARED, SILENT = 64, 65, 66, 67, 68, 69

Message = list[Any]


class Capacity(NamedTuple):
    """All that an executor has."""

    cpu: float  # cores
    memory_bytes: int
    gpu: float = 0.0  # devices


@dataclass(frozen=True, slots=True)
class Launchable:
    """A profile with what a worker needs to load its code."""

    profile: Profile
    bundle: str  # absolute folder of the bundle's files: first on the worker's import path
    folder: str  # the project's folder: the working directory of attempts
    workspace: str  # absolute folder of the workspace (".partita"): logs, checkpoints
    labels: dict[str, str] = field(default_factory=dict)  # for people who look at processes: flow, run
    artifacts: str = ""  # folder or URL of large values; empty: in the workspace's folder

    def fields(self) -> dict[str, Any]:
        """What a PROFILE message tells of it."""
        places = {name: getattr(self, name) for name in ("bundle", "folder", "workspace", "artifacts")}
        return asdict(self.profile) | places


class Executor(Protocol):
    """Runs orders in lanes."""

    @property
    def capacity(self) -> Capacity:
        """What can be held by all lanes together."""
        ...

    def introduce(self, number: int, launchable: Launchable) -> None:
        """Make a profile known, before its first order."""
        ...

    def forget(self, numbers: Sequence[int]) -> None:
        """These profiles will not be ordered again."""
        ...

    def prepare(self, environment: str, launchable: Launchable) -> bool:
        """Whether lanes can be opened in the environment now.

        If not, it is being made from now on, at the executor's own time and cost; PREPARED will tell how that ended.

        Args:
            environment: text of a declaration, as profiles carry it; empty: always True.
            launchable: of the step that asks: its bundle may hold files that the declaration names.
        """
        ...

    def open_lane(self, bundle: str, demand: Demand, environment: str = "") -> int:
        """A new lane for orders of profiles with this bundle, demand and environment (a warm one where there is one).

        The environment has been prepared.
        """
        ...

    def close_lane(self, lane: int) -> None:
        """The lane, which has no unfinished order, is not needed any more."""
        ...

    def submit(self, lane: int, orders: Sequence[Order]) -> None:
        """Queue orders on the lane."""
        ...

    def take_back(self, lane: int) -> list[int]:
        """Take back the orders that the lane has not begun; their tickets have thereby ended."""
        ...

    def cancel(self, ticket: int, reason: str, grace_s: float) -> None:
        """Ask the attempt to stop, and kill it when it has not ended after `grace_s` seconds (0: at once)."""
        ...

    def reply(self, ticket: int, request: int, is_ok: bool, answer: Any) -> None:
        """Answer a REQUEST of a running attempt; a ticket that has ended is ignored."""
        ...

    def printing(self, ticket: int) -> tuple[str, int] | None:
        """Where the output of an attempt that is running lies: (segment, offset of its start); None: not known."""
        ...

    def place(self, lane: int) -> str:
        """The name of the lane's worker; empty: it ends with this executor."""
        ...

    def attach(self, place: str, ticket: int, name: str, is_idempotent: bool, demand: Demand) -> int | None:
        """Take up an order that an earlier executor gave to a worker; its lane. None: that worker is not there any more.

        Args:
            place: what `place` gave.
            name: of the attempt: `protocol.remote.ticket_text`.
        """
        ...

    def receive(self, timeout_s: float | None) -> list[Message]:
        """What has arrived, oldest first. Waits up to `timeout_s` seconds; None: until something arrives."""
        ...

    def filenos(self) -> list[int]:
        """File descriptors to select on, beside others: one is readable when `receive(0)` would give something."""
        ...

    def close(self) -> None:
        """Kill what runs and release everything."""
        ...

    def leave(self) -> None:
        """Release everything here. Workers that can be attached to, and have something to do, go on."""
        ...
