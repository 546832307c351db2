"""The messages between engine and workers: MessagePack arrays, one a packet, the tag first.

Engine to worker:

    [ORDER, ticket, profile, run, step, attempt, name, arguments, inputs, extra]
    [PROFILE, profile, map]              the fields of a Profile, plus "bundle", "folder", "workspace", "artifacts",
                                         "process_variables", before its first order; map None: it will not be ordered again
    [REPLY, ticket, request, is_ok, answer]
    [STOP]                               finish what was taken and end

Worker to engine:

    [DONE, ticket, value, usage, log]           or, where it has done something to the model registry:
    [DONE, ticket, value, effects, usage, log]  see `protocol.models`
    [FAILED, ticket, error, usage, log]
    [FRAME, ticket, total, profiles, steps]     a part of a layout; total: steps in the whole layout
    [LAID, ticket, value, warnings, usage, log] the layout is complete; value may hold refs
    [PROGRESS, ticket, done, total, note]
    [REPORT, ticket, name, value, step, at]
    [REQUEST, ticket, request, verb, map]       an attempt asks the engine: verb "launch", "wait", "cached",
                                                one about models: "model_number", "model_load", "model_change", ...,
                                                or "secret", see `protocol.secrets`
    [BOUNDS, ticket, map]                       what a run of the launched flow is to keep to: "deadline_s" (from its start),
                                                "budget", and "overrun": "warn" or "stop"; and its "owner", "weight" and
                                                "priority", where the flow says them
    [READY, pid]                                the worker has started
    [RETIRING, reason]                          the worker will take no more orders

`ticket` is an integer unique among the orders of one engine process; answers to a ticket that is no longer held are
ignored. `arguments` is a packed `[nodes, names, nodes]` (positional, then named), `inputs` a list of packed nodes that
the arguments' INPUT nodes index; both may be None. `extra` is a map of what few orders carry:
"texts" (arguments given on the command line as text: {name: text}), "key" (idempotency key where it differs),
"deadline" (seconds since the epoch), "previous" (what the last attempt left: error message), "result" (packed node: for
an undo), "prelude" (path of a text that comes first in the attempt's log), "memory" (bytes that the attempt may hold, after
one before it ran out of memory), "trace" (the traceparent of the attempt, where runs are traced), "pools", "executor" and
"environment" (for a root's layout: what each executor has, as `Pool.describe` gives it, which is meant where none is named,
and the option environment= in plain data of tasks that have none).
`usage` is [started_at, ended_at, cpu_s, peak_bytes]; `log` is [segment, start, end] (file name under the run's log
folder, byte offsets) or None.

`error` is a map: "type" (qualified name), "message", "traceback" (text), "retry" (bool: whether the retry rule
admits it), "delay_s" (seconds before the next attempt, with back-off and jitter), "origin" ("user" or "machine"),
"unmet" (true: nothing failed, the code raised Skip),
"problems" (list of maps of Problem, where a check refused the launch).

A step in a frame is `[name, kind, profile, parent, arguments, inputs, fallback_of, value, place]`:

    name         local name, unique below its parent; a map's element is "fit[3]"
    kind         a Kind
    profile      position in the layout's list of profiles over all its frames, -1 for SETTLE and GATHER
    parent       local number of the flow step that it stands in, -1: the step being laid out
    arguments    packed, or None
    inputs       list of local numbers, or [number, path, need] where path or need differ from ([], VALUE);
                 a number below 0 is an outer step: its global id is -(number + 1)
    fallback_of  local number of the step whose failure makes this one run, or None
    value        packed node with REF nodes in local numbers, for a flow laid out in place; else None
    place        "file.py:12" of the call
    A WAIT's `arguments` are the packed map of what it waits for, see `protocol.waits`.
    A GATHER's policy is its `arguments`: packed ["all"], ["at_least", n] or ["settle"].

Local numbers count the steps of a layout from 0 in the order of the frames. In LAID, REF nodes hold local numbers too
(outer steps below 0, as above).
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "BOUNDS", "DONE", "FAILED", "FRAME", "FRAME_STEPS", "LAID", "ORDER", "PROFILE", "PROGRESS", "READY", "REPLY", "REPORT",
    "REQUEST", "RETIRING", "STOP", "Order", "Usage",
]  # fmt: skip

ORDER, PROFILE, REPLY, STOP = range(4)
DONE, FAILED, FRAME, LAID, PROGRESS, REPORT, REQUEST, READY, RETIRING, BOUNDS = range(16, 26)

#: A frame holds at most so many steps, and so few that it fits one packet.
FRAME_STEPS = 500


class Order(NamedTuple):
    """One attempt, as the engine hands it to an executor."""

    ticket: int  # unique in this engine process
    profile: int  # number of the Profile, unique in this engine process
    run: str  # id of the run
    step: int  # id of the step in its run
    attempt: int  # counts from 1
    name: str  # the step's local name
    arguments: bytes | None  # packed [nodes, names, nodes]
    inputs: list[bytes] | None  # packed nodes
    extra: dict[str, Any] | None  # see the module's docstring


class Usage(NamedTuple):
    """What an attempt took."""

    started_at: float  # seconds since the epoch
    ended_at: float  # seconds since the epoch
    cpu_s: float  # CPU time of the worker's process, children included
    peak_bytes: int  # peak resident memory seen
