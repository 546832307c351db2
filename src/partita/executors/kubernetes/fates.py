"""What a pod's document, or an event of the cluster, says of a worker: how it stands, and whose fault an end was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from partita.executors.kubernetes.names import session_of
from partita.executors.remote.port import GONE, PENDING, UP
from partita.units import size_text

__all__ = ["LONG", "NO_WAIT", "SHORT", "Fate", "PodState", "Trouble", "event_trouble", "pod_state", "removal_told"]

#: How long what keeps a worker from starting may last: as long as for room, not long, or not at all.
LONG, SHORT, NO_WAIT = "long", "short", "none"


class Trouble(NamedTuple):
    """What keeps a worker from starting."""

    kind: str  # the same for as long as it is the same trouble, however its words change
    detail: str  # for people: what happened, and what to do
    patience: str  # LONG, SHORT or NO_WAIT


class Fate(NamedTuple):
    """How a worker stands."""

    what: str  # PENDING, UP or GONE
    reason: str = ""  # of GONE, as the port has them
    detail: str = ""
    exit_status: int | None = None
    trouble: Trouble | None = None  # of PENDING


class PodState(NamedTuple):
    """What a pod's document says."""

    session: str
    uid: str
    name: str
    fate: Fate
    is_leaving: bool = False  # somebody has deleted it, and it is still there
    grace_s: float = 0.0  # seconds that it has to leave
    reads_as: str = ""  # why it is taken away, where the document tells


_QUOTA = "exceeded quota"
_MISSING_PACKAGE = re.compile(r"No module named '?partita\b")

#: Why the kubelet or a controller ended a pod, or turned it away at a node: none is the worker's fault.
_TAKEN_AWAY = frozenset({
    "Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting", "Preempted", "NodeAffinity",
    "UnexpectedAdmissionError", "Unschedulable",
})  # fmt: skip
_NO_PLACE_LEFT = ("OutOf",)  # OutOfcpu, OutOfmemory, OutOfpods: another pod was faster
_NEVER_STARTS = frozenset({"ContainerCannotRun", "StartError", "RunContainerError", "CreateContainerError"})

_WAITING = {
    "ErrImagePull": ("image", SHORT),
    "ImagePullBackOff": ("image", SHORT),
    "ErrImageNeverPull": ("image", SHORT),
    "RegistryUnavailable": ("image", SHORT),
    "ImageInspectError": ("image", SHORT),
    "InvalidImageName": ("image", NO_WAIT),
    "CreateContainerConfigError": ("configuration", SHORT),
    "CreateContainerError": ("container", SHORT),
    "RunContainerError": ("container", SHORT),
    "CrashLoopBackOff": ("container", SHORT),
}


def pod_state(pod: Mapping[str, Any]) -> PodState:
    """What a pod's document says, as the API gives it."""
    metadata, status = pod.get("metadata") or {}, pod.get("status") or {}
    leaving = bool(metadata.get("deletionTimestamp"))
    return PodState(
        session_of(dict(pod)),
        str(metadata.get("uid", "")),
        str(metadata.get("name", "")),
        _fate(pod.get("spec") or {}, status),
        leaving,
        float(metadata.get("deletionGracePeriodSeconds") or 0) if leaving else 0.0,
        _reads_as(pod.get("spec") or {}, status) if leaving else "",
    )


def _fate(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Fate:
    phase, reason = status.get("phase"), str(status.get("reason") or "")
    container = _first(status.get("containerStatuses"))
    state = container.get("state") or {}
    if phase == "Succeeded":
        return Fate(GONE, "ended", "", 0)
    if phase == "Failed":
        return _failed(spec, status, container)
    if phase == "Unknown" or reason == "NodeLost":
        return Fate(GONE, "evicted", f"{_node(spec)} does not answer: {status.get('message') or 'it is lost'}")
    if ended := state.get("terminated"):
        return _ended(spec, ended)
    if "running" in state:
        return Fate(UP)
    return Fate(PENDING, trouble=_waiting(spec, status, state.get("waiting") or {}))


def _first(items: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    return items[0] if items else {}


def _node(spec: Mapping[str, Any]) -> str:
    return f"the node {spec['nodeName']}" if spec.get("nodeName") else "its node"


def _image(spec: Mapping[str, Any]) -> str:
    return str(_first(spec.get("containers")).get("image", ""))


# Before it runs


def _waiting(spec: Mapping[str, Any], status: Mapping[str, Any], waiting: Mapping[str, Any]) -> Trouble | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            if condition.get("reason") == "SchedulingGated":
                return Trouble("gate", "a controller of the cluster holds its pod back (SchedulingGated)", LONG)
            told = condition.get("message") or condition.get("reason") or "no reason is given"
            return Trouble("room", f"no node has room for it: {told}", LONG)
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _WAITING:
        kind, patience = _WAITING[reason]
        return Trouble(kind, _waiting_told(kind, spec, reason, message), patience)
    init = [item for item in status.get("initContainerStatuses") or () if (item.get("state") or {}).get("waiting")]
    for item in init:
        waits = item["state"]["waiting"]
        if waits.get("reason") in _WAITING:
            kind, patience = _WAITING[waits["reason"]]
            return Trouble(kind, f"its container {item.get('name')} cannot start: {waits.get('message')}", patience)
    return None


def _waiting_told(kind: str, spec: Mapping[str, Any], reason: str, message: str) -> str:
    image = _image(spec)
    if reason == "InvalidImageName":
        return f"{image!r} is no name of an image: correct `image` of the executor"
    if reason == "ErrImageNeverPull":
        return f'{_node(spec)} has no image {image}, and pull = "never" forbids to fetch it'
    if kind == "image":
        remedy = "correct `image` of the executor, or give `image_pull_secrets` for a registry that asks who you are"
        return f"the image {image} cannot be fetched ({reason}): {message or 'no reason is given'}; {remedy}"
    if "runAsNonRoot" in message or "non-root" in message:
        return f"{message}; set the user in the image by its number, or `security` of the executor"
    if kind == "configuration":
        return (
            f"its container lacks something: {message}; create it in the namespace, or correct the executor's settings"
        )
    return f"its container cannot be started ({reason}): {message}"


# How it ended


def _failed(spec: Mapping[str, Any], status: Mapping[str, Any], container: Mapping[str, Any]) -> Fate:
    reason, message = str(status.get("reason") or ""), str(status.get("message") or "")
    ended = (container.get("state") or {}).get("terminated") or {}
    if disruption := _condition(status, "DisruptionTarget"):
        return Fate(GONE, "evicted", _disrupted(disruption), ended.get("exitCode"))
    if reason in _TAKEN_AWAY or reason.startswith(_NO_PLACE_LEFT):
        return Fate(GONE, "evicted", f"{_node(spec)} ended it ({reason}): {message}", ended.get("exitCode"))
    if reason == "DeadlineExceeded":
        told = "it lived longer than the executor's `deadline` allows"
        return Fate(GONE, "died", told, ended.get("exitCode"))
    if ended:
        return _ended(spec, ended)
    return Fate(GONE, "died", f"its pod failed: {' '.join(filter(None, (reason, message))) or 'no reason is given'}")


def _ended(spec: Mapping[str, Any], ended: Mapping[str, Any]) -> Fate:
    status, reason = int(ended.get("exitCode") or 0), str(ended.get("reason") or "")
    said = str(ended.get("message") or "").strip()
    if reason == "OOMKilled":
        limit = (_first(spec.get("containers")).get("resources") or {}).get("limits") or {}
        amount = str(limit.get("memory", ""))
        of = f" than the {size_text(int(amount))} of its container" if amount.isdecimal() else " than there is"
        return Fate(GONE, "memory", f"it ran out of memory: it used more{of}", status)
    if reason in _NEVER_STARTS:
        return Fate(GONE, "refused", f"its container cannot be started from the image {_image(spec)}: {said}", status)
    if status == 0:
        return Fate(GONE, "ended", "", 0)
    if _MISSING_PACKAGE.search(said):
        told = f"the image {_image(spec)} has no Partita that can be a worker: install it there. It said: {said}"
        return Fate(GONE, "refused", told, status)
    how = (
        f"it was killed by signal {status - 128}"
        if 128 < status < 128 + 65
        else f"it ended with the exit status {status}"
    )
    return Fate(GONE, "died", f"{how}; the last that it printed: {said}" if said else how, status)


# Why it is taken away


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    conditions: Iterable[Mapping[str, Any]] = status.get("conditions") or ()
    return next((one for one in conditions if one.get("type") == type_ and one.get("status") == "True"), None)


def _disrupted(condition: Mapping[str, Any]) -> str:
    """The words for a DisruptionTarget condition, which clusters from 1.26 on set."""
    words = {
        "PreemptionByScheduler": "a pod of higher priority took its place",
        "DeletionByTaintManager": "its node was tainted, as nodes are that do not answer",
        "EvictionByEvictionAPI": "it was evicted, as when a node is drained",
        "DeletionByPodGC": "its node is gone",
        "TerminationByKubelet": "its node ended it, for lack of something or because it shut down",
    }
    told = words.get(str(condition.get("reason")), f"it was taken away ({condition.get('reason')})")
    message = condition.get("message")
    return f"{told}: {message}" if message else told


def _reads_as(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if disruption := _condition(status, "DisruptionTarget"):
        return _disrupted(disruption)
    ready = _first([one for one in status.get("conditions") or () if one.get("type") == "Ready"])
    if status.get("reason") == "NodeLost" or ready.get("reason") in ("NodeLost", "NodeNotReady", "NodeStatusUnknown"):
        return f"{_node(spec)} does not answer"
    return ""


# Events


def event_trouble(event: Mapping[str, Any]) -> Trouble | None:
    """What an event says that keeps a worker from starting; None: nothing that pods do not say better."""
    kind, reason = (event.get("involvedObject") or {}).get("kind"), event.get("reason")
    message = str(event.get("message") or "")
    if kind == "Job" and reason == "FailedCreate":
        if _QUOTA in message:
            return Trouble("quota", f"its namespace has no quota left for it: {message}", LONG)
        return Trouble("creation", f"the cluster makes no pod for it: {message}", SHORT)
    if kind == "Pod" and reason in ("FailedMount", "FailedAttachVolume", "FailedMapVolume"):
        return Trouble("volume", f"a volume of it cannot be mounted: {message}", LONG)
    if kind == "Pod" and reason in ("FailedCreatePodSandBox", "FailedCreatePodContainer"):
        return Trouble("sandbox", f"its node cannot start it: {message}", LONG)
    return None


def removal_told(event: Mapping[str, Any]) -> str:
    """Why an event says that a pod is taken away; empty: it does not. Clusters before 1.26 tell it by events only."""
    reason, message = event.get("reason"), str(event.get("message") or "")
    if (event.get("involvedObject") or {}).get("kind") != "Pod":
        return ""
    if reason == "Preempted":
        return f"a pod of higher priority took its place: {message}"
    if reason == "TaintManagerEviction" and not message.startswith("Cancelling"):
        return "its node was tainted, as nodes are that do not answer"
    if reason == "NodeNotReady":
        return "its node does not answer"
    if reason == "Evicted":
        return f"its node evicted it: {message}"
    return ""
