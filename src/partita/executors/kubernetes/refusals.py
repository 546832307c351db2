"""What an answer of the API server means for a worker that is to be started, in words."""

from __future__ import annotations

import re

from partita.executors.kubernetes.fates import LONG, NO_WAIT, SHORT, Trouble

__all__ = ["ApiError", "trouble_of"]

_RBAC = re.compile(
    r'User "(?P<who>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)
_NO_NAMESPACE = re.compile(r'namespaces? "([^"]*)" not found')


class ApiError(Exception):
    """The API server refused a call, or did not answer. The status is 0 where there was no answer."""

    def __init__(self, status: int, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[type[ApiError], tuple[int, str, float]]:
        return ApiError, (self.status, str(self), self.retry_after_s)


def trouble_of(error: ApiError) -> Trouble:
    """What it means, how long it may last, and what to do."""
    told = str(error)
    if error.status == 0 and "KUBECONFIG" in told:
        return Trouble("configuration", told, SHORT)
    if error.status == 0:
        return Trouble("server", f"the cluster's API server does not answer: {told}", LONG)
    if error.status == 401:
        remedy = "renew them, such as by signing in again; they are read anew at each try"
        return Trouble("credentials", f"the cluster does not accept the credentials of the kubeconfig; {remedy}", SHORT)
    if error.status == 403:
        return _forbidden(told)
    if error.status == 404 and (missing := _NO_NAMESPACE.search(told)):
        remedy = f"`kubectl create namespace {missing[1]}` makes it, or correct `namespace` of the executor"
        return Trouble("namespace", f"the cluster has no namespace {missing[1]}; {remedy}", NO_WAIT)
    if error.status == 404:
        return Trouble(
            "address",
            f"the address of the cluster is none of a Kubernetes API server, or of an old one: {told}",
            NO_WAIT,
        )
    if error.status in (400, 422):
        return Trouble("invalid", f"the cluster takes no such worker: {told}; correct the executor's settings", NO_WAIT)
    if error.status in (409, 429) or error.status >= 500:
        return Trouble("server", f"the cluster's API server has no time for it ({error.status}): {told}", LONG)
    return Trouble("refused", f"the cluster refused it ({error.status}): {told}", NO_WAIT)


def _forbidden(told: str) -> Trouble:
    if "exceeded quota" in told:
        return Trouble("quota", f"its namespace has no quota left for it: {told}", LONG)
    if "being terminated" in told:
        return Trouble(
            "namespace", f"its namespace is being deleted: {told}; correct `namespace` of the executor", NO_WAIT
        )
    if found := _RBAC.search(told):
        where = f" in the namespace {found['namespace']}" if found["namespace"] else ""
        rule = f'{{apiGroups: ["{found["group"]}"], resources: ["{found["resource"]}"], verbs: ["{found["verb"]}"]}}'
        return Trouble(
            "rights",
            f"{found['who']} may not {found['verb']} {found['resource']}{where}; add the rule {rule} to its Role "
            "(`partita export kubernetes` writes a Role that suffices)",
            NO_WAIT,
        )
    return Trouble("refused", f"the cluster refused it: {told}", NO_WAIT)
