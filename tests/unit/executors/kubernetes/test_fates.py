"""What pods' documents and events say of workers. Those in `pods/` are of a real cluster, from tests/integration/test_kubernetes.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from partita.executors.kubernetes.fates import LONG, NO_WAIT, SHORT, event_trouble, pod_state, removal_told
from partita.executors.remote.port import GONE, PENDING, UP

SESSION = "0123456789abcdef"


def pod(phase: str = "Pending", *, leaving: bool = False, **status: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": f"partita-{SESSION}-x7k2p", "uid": "u1", "labels": {"partita/session": SESSION},
    }  # fmt: skip
    if leaving:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
    limits = {"memory": "268435456"}
    spec = {
        "nodeName": "node-1",
        "containers": [{"name": "worker", "image": "prices:1", "resources": {"limits": limits}}],
    }
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase, **status}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod(containerStatuses=[{"name": "worker", "state": {"waiting": {"reason": reason, "message": message}}}])


def ended(code: int, reason: str = "Error", message: str = "", **status: Any) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return pod("Failed" if code else "Succeeded", containerStatuses=[{"name": "worker", "state": state}], **status)


RECORDED = {
    "starting": (PENDING, "", ""),
    "running": (UP, "", ""),
    "deleted": (UP, "", ""),
    "ended": (GONE, "ended", ""),
    "failed": (GONE, "died", "no bucket"),
    "killed-after-deletion": (GONE, "died", "signal 9"),
    "out-of-memory": (GONE, "memory", "64.0 MiB"),
    "no-python": (GONE, "refused", 'exec: "python3": executable file not found'),
    "no-partita": (GONE, "refused", "has no Partita"),
    "too-long": (GONE, "died", "`deadline`"),
    "no-room": (PENDING, LONG, "0/1 nodes are available"),
    "image-error": (PENDING, SHORT, "cannot be fetched (ErrImagePull)"),
    "image-back-off": (PENDING, SHORT, "cannot be fetched (ImagePullBackOff)"),
    "image-never-fetched": (PENDING, SHORT, "has no image no-such:1"),
    "no-secret": (PENDING, SHORT, 'secret "nowhere" not found'),
}


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_real_cluster_says(name: str) -> None:
    document = json.loads(Path(__file__).with_name("pods").joinpath(f"{name}.json").read_text())
    state = pod_state(document)
    what, reason, told = RECORDED[name]
    assert (state.fate.what, len(state.session)) == (what, 16)
    if what == PENDING:
        assert (state.fate.trouble.patience if state.fate.trouble else "") == reason
        assert told in (state.fate.trouble.detail if state.fate.trouble else "")
    else:
        assert state.fate.reason == reason and told in state.fate.detail
    assert state.is_leaving == (name in ("deleted", "killed-after-deletion", "too-long"))


def test_a_pod_is_told_by_its_session() -> None:
    state = pod_state(pod())
    assert (state.session, state.uid, state.is_leaving) == (SESSION, "u1", False)
    assert state.fate.what == PENDING and state.fate.trouble is None


def test_a_container_that_runs_is_up() -> None:
    running = {"name": "worker", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    assert pod_state(pod("Running", containerStatuses=[running])).fate.what == UP


def test_no_room_is_told_in_the_words_of_the_scheduler() -> None:
    message = "0/3 nodes are available: 3 Insufficient cpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    trouble = pod_state(pod(conditions=[condition])).fate.trouble
    assert trouble is not None and message in trouble.detail and trouble.patience == LONG


@pytest.mark.parametrize(
    "reason, message, patience, told",
    [
        ("ErrImagePull", "manifest unknown", SHORT, "the image prices:1 cannot be fetched"),
        ("ImagePullBackOff", "Back-off pulling", SHORT, "image_pull_secrets"),
        ("ErrImageNeverPull", "", SHORT, "pull"),
        ("InvalidImageName", "", NO_WAIT, "no name of an image"),
        ("CreateContainerConfigError", 'secret "prices" not found', SHORT, 'secret "prices" not found'),
        ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", SHORT, "`security`"),
        ("CreateContainerError", "no such device", SHORT, "no such device"),
    ],
)
def test_what_keeps_a_container_from_starting(reason: str, message: str, patience: str, told: str) -> None:
    fate = pod_state(waiting(reason, message)).fate
    assert fate.what == PENDING and fate.trouble is not None
    assert fate.trouble.patience == patience and told in fate.trouble.detail


def test_an_image_error_stays_the_same_trouble_when_it_backs_off() -> None:
    first, second = (pod_state(waiting(reason)).fate.trouble for reason in ("ErrImagePull", "ImagePullBackOff"))
    assert first is not None and second is not None and first.kind == second.kind


def test_a_container_that_is_being_made_is_no_trouble() -> None:
    assert pod_state(waiting("ContainerCreating")).fate.trouble is None


def test_an_end_by_itself() -> None:
    assert pod_state(ended(0, "Completed")).fate[:4] == (GONE, "ended", "", 0)


def test_a_process_that_failed_says_what_it_printed_last() -> None:
    fate = pod_state(ended(3, message="Traceback\nOSError: no bucket")).fate
    assert (fate.reason, fate.exit_status) == ("died", 3)
    assert "exit status 3" in fate.detail and "OSError: no bucket" in fate.detail


def test_a_process_that_was_killed_says_by_which_signal() -> None:
    assert "signal 9" in pod_state(ended(137)).fate.detail


def test_lack_of_memory_is_told_apart_from_being_killed() -> None:
    fate = pod_state(ended(137, "OOMKilled")).fate
    assert (fate.reason, fate.exit_status) == ("memory", 137) and "256.0 MiB" in fate.detail
    assert pod_state(ended(137, "Error")).fate.reason == "died"


@pytest.mark.parametrize("said", ["No module named partita", "No module named 'partita.worker.agent'"])
def test_an_image_without_partita_is_refused(said: str) -> None:
    fate = pod_state(ended(1, message=f"/usr/bin/python3: {said}")).fate
    assert fate.reason == "refused" and "prices:1 has no Partita" in fate.detail


def test_a_module_of_the_users_that_is_missing_is_no_such_image() -> None:
    assert pod_state(ended(1, message="No module named 'partitas'")).fate.reason == "died"


def test_an_image_without_python_is_refused() -> None:
    fate = pod_state(ended(127, "ContainerCannotRun", 'exec: "python3": executable file not found')).fate
    assert fate.reason == "refused" and "executable file not found" in fate.detail


@pytest.mark.parametrize(
    "status",
    [
        {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."},
        {"reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"},
        {"reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown."},
        {"reason": "NodeAffinity", "message": "Predicate NodeAffinity failed"},
        {
            "conditions": [
                {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "m"}
            ]
        },
        {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]},
    ],
)
def test_a_place_that_was_taken_is_nobodys_fault(status: dict[str, Any]) -> None:
    fate = pod_state(pod("Failed", **status)).fate
    assert fate.reason == "evicted" and status.get("message", "") in fate.detail


def test_a_disruption_that_did_not_happen_counts_not() -> None:
    conditions = [{"type": "DisruptionTarget", "status": "False", "reason": "PreemptionByScheduler"}]
    assert pod_state(ended(1, conditions=conditions)).fate.reason == "died"


def test_preemption_is_told_in_words() -> None:
    conditions = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]
    assert "higher priority" in pod_state(ended(143, conditions=conditions)).fate.detail


@pytest.mark.parametrize("status", [{"phase": "Unknown"}, {"phase": "Running", "reason": "NodeLost"}])
def test_a_node_that_does_not_answer(status: dict[str, Any]) -> None:
    fate = pod_state(pod(**status)).fate
    assert fate.reason == "evicted" and "node-1 does not answer" in fate.detail


def test_a_worker_that_lived_too_long() -> None:
    fate = pod_state(pod("Failed", reason="DeadlineExceeded", message="Pod was active on the node longer")).fate
    assert fate.reason == "died" and "`deadline`" in fate.detail


def test_a_pod_that_somebody_deletes_is_leaving() -> None:
    state = pod_state(pod("Running", leaving=True))
    assert (state.is_leaving, state.grace_s) == (True, 30.0)


def event(kind: str, reason: str, message: str = "") -> dict[str, Any]:
    return {"involvedObject": {"kind": kind, "name": f"partita-{SESSION}"}, "reason": reason, "message": message}


def test_a_quota_may_pass_and_a_missing_account_may_not_for_long() -> None:
    quota = event_trouble(
        event("Job", "FailedCreate", 'pods "x" is forbidden: exceeded quota: tiny, requested: pods=1')
    )
    account = event_trouble(
        event("Job", "FailedCreate", 'error looking up service account a/b: serviceaccount "b" not found')
    )
    assert quota is not None and account is not None
    assert (quota.kind, quota.patience, account.patience) == ("quota", LONG, SHORT)


def test_a_volume_that_cannot_be_mounted() -> None:
    trouble = event_trouble(event("Pod", "FailedMount", 'configmap "prices" not found'))
    assert trouble is not None and 'configmap "prices" not found' in trouble.detail


@pytest.mark.parametrize("reason", ["Scheduled", "Pulled", "Preempted"])
def test_other_events_are_no_trouble(reason: str) -> None:
    assert event_trouble(event("Pod", reason)) is None


def test_older_clusters_tell_by_events_why_a_pod_is_taken_away() -> None:
    assert "higher priority" in removal_told(event("Pod", "Preempted", "Preempted by a/b on node n"))
    assert "do not answer" in removal_told(event("Pod", "TaintManagerEviction", "Marking for deletion Pod a/b"))
    assert removal_told(event("Pod", "TaintManagerEviction", "Cancelling deletion of Pod a/b")) == ""
    assert removal_told(event("Job", "Preempted")) == ""
