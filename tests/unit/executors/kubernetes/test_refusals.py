"""What answers of the API server mean. The messages are those of a real one."""

from __future__ import annotations

import pytest

from partita.executors.kubernetes.fates import LONG, NO_WAIT, SHORT
from partita.executors.kubernetes.refusals import ApiError, trouble_of

_WHO = 'User "system:serviceaccount:prices:engine"'


@pytest.mark.parametrize(
    "status, message, patience, told",
    [
        (0, "Connection refused", LONG, "does not answer: Connection refused"),
        (401, "Unauthorized", SHORT, "credentials"),
        (403, 'jobs.batch "x" is forbidden: exceeded quota: tiny, requested: count/jobs.batch=1', LONG, "no quota left"),
        (403, f'jobs.batch is forbidden: {_WHO} cannot create resource "jobs" in API group "batch" in the namespace "prices"',
         NO_WAIT,
         'system:serviceaccount:prices:engine may not create jobs in the namespace prices; add the rule '
         '{apiGroups: ["batch"], resources: ["jobs"], verbs: ["create"]}'),
        (403, "unable to create new content in namespace x because it is being terminated", NO_WAIT, "being deleted"),
        (403, 'admission webhook "policy" denied the request: no', NO_WAIT, "no"),
        (404, 'namespaces "nowhere" not found', NO_WAIT, "kubectl create namespace nowhere"),
        (404, "404 page not found", NO_WAIT, "address"),
        (422, "Job.batch is invalid: spec.template...", NO_WAIT, "correct the executor's settings"),
        (429, "too many requests", LONG, "no time"),
        (500, "etcdserver: leader changed", LONG, "leader changed"),
        (503, "apiserver not ready", LONG, "not ready"),
    ],
)  # fmt: skip
def test_each_refusal_says_how_long_it_may_last_and_what_to_do(
    status: int, message: str, patience: str, told: str
) -> None:
    trouble = trouble_of(ApiError(status, message))
    assert trouble.patience == patience and told in trouble.detail


def test_an_error_travels_between_processes() -> None:
    import pickle

    again = pickle.loads(pickle.dumps(ApiError(429, "busy", 2.0)))
    assert (again.status, str(again), again.retry_after_s) == (429, "busy", 2.0)
