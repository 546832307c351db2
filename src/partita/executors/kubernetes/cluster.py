"""The connection to a cluster, and every call that is made over it. All of them wait."""

from __future__ import annotations

import json
import math
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from partita.errors import MissingExtraError
from partita.executors.kubernetes.refusals import ApiError

__all__ = ["WATCH_S", "Cluster", "Stream"]

#: Seconds after which a watch ends by itself, and is begun again where it ended.
WATCH_S = 240

_CALL_S = (5.0, 30.0)  # to connect, to answer
_PAGE = 500
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]  # a watch over a connection that is silently gone would hear nothing, and not know


class Cluster:
    """One namespace of a cluster; for several threads at once. Whatever fails raises ApiError."""

    def __init__(self, context: str = "", namespace: str = "") -> None:
        """
        Args:
            context: of the kubeconfig; empty: its current one, or inside a cluster the pod's service account.
            namespace: empty: that of the context or of the service account.

        Raises:
            MissingExtraError: the client library is not installed.
        """
        import importlib.util

        if importlib.util.find_spec("kubernetes") is None:
            raise MissingExtraError(
                "workers on Kubernetes need the extra 'kubernetes': pip install 'partita[kubernetes]'"
            )
        self._context = context
        self._namespace = namespace
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def namespace(self) -> str:
        """Its name; connects where that is needed to know it."""
        self._connected()
        return self._namespace

    @property
    def server(self) -> str:
        """Its address."""
        return str(self._connected().configuration.host)

    def forget_credentials(self) -> None:
        """Read them anew before the next call."""
        with self._lock:
            self._client = None

    # Jobs and pods

    def create_job(self, manifest: dict[str, Any], *, is_rehearsal: bool = False) -> None:
        """A rehearsal is checked as the real thing is, and creates nothing."""
        with self._calling("BatchV1Api") as api:
            others = {"dry_run": "All"} if is_rehearsal else {}
            _read(api.create_namespaced_job(self.namespace, manifest, **others, **_CALL))

    def list_jobs(self, selector: str) -> list[dict[str, Any]]:
        """All Jobs that it selects."""
        with self._calling("BatchV1Api") as api:
            return _pages(api.list_namespaced_job, self.namespace, label_selector=selector)[0]

    def delete_jobs(self, selector: str) -> None:
        """Their pods stay, and get no successors: the cluster would delete them with a grace of its own."""
        with self._calling("BatchV1Api") as api:
            _read(api.delete_collection_namespaced_job(
                self.namespace, label_selector=selector, propagation_policy="Orphan", **_CALL))  # fmt: skip

    def list_pods(self, selector: str) -> tuple[list[dict[str, Any]], str]:
        """All pods that it selects, and the version from which on to watch."""
        with self._calling("CoreV1Api") as api:
            return _pages(api.list_namespaced_pod, self.namespace, label_selector=selector)

    def watch_pods(self, selector: str, version: str) -> Stream:
        """What becomes of pods from this version on."""
        with self._calling("CoreV1Api") as api:
            return Stream(api.list_namespaced_pod(
                self.namespace, label_selector=selector, resource_version=version, **_WATCH))  # fmt: skip

    def delete_pods(self, selector: str, grace_s: float) -> None:
        """0 seconds of grace take them from the API at once, whether their node answers or not."""
        with self._calling("CoreV1Api") as api:
            _read(api.delete_collection_namespaced_pod(
                self.namespace, label_selector=selector, grace_period_seconds=math.ceil(grace_s), **_CALL))  # fmt: skip

    # Events

    def list_events(self, fields: str) -> tuple[list[dict[str, Any]], str]:
        """All events that it selects, and the version from which on to watch."""
        with self._calling("CoreV1Api") as api:
            return _pages(api.list_namespaced_event, self.namespace, field_selector=fields)

    def watch_events(self, fields: str, version: str) -> Stream:
        """What is said from this version on."""
        with self._calling("CoreV1Api") as api:
            return Stream(api.list_namespaced_event(
                self.namespace, field_selector=fields, resource_version=version, **_WATCH))  # fmt: skip

    # The Secret

    def put_secret(self, manifest: dict[str, Any]) -> None:
        """Write over the one of that name, or create it."""
        with self._calling("CoreV1Api") as api:
            try:
                _read(api.replace_namespaced_secret(manifest["metadata"]["name"], self.namespace, manifest, **_CALL))
            except _api_exception() as error:
                if error.status != 404:
                    raise
                _read(api.create_namespaced_secret(self.namespace, manifest, **_CALL))

    def delete_secret(self, name: str) -> None:
        """One that is not there is no error."""
        with suppress(ApiError), self._calling("CoreV1Api") as api:
            _read(api.delete_namespaced_secret(name, self.namespace, **_CALL))

    # Questions

    def may(self, group: str, resource: str, verb: str, name: str = "") -> bool:
        """Whether the cluster allows it to us, in the namespace."""
        attributes = {"namespace": self.namespace, "group": group, "resource": resource, "verb": verb, "name": name}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        with self._calling("AuthorizationV1Api") as api:
            return bool(_read(api.create_self_subject_access_review(review, **_CALL))["status"].get("allowed"))

    def _calling(self, api: str) -> _Calling:
        return _Calling(self._connected(), api, self.forget_credentials)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        from kubernetes import client, config
        from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION

        configuration = client.Configuration()
        configuration.retries = False  # who calls knows what may be tried again
        configuration.socket_options = _KEEP_ALIVE
        configuration.connection_pool_maxsize = 8
        given = os.environ.get("KUBECONFIG") or KUBE_CONFIG_DEFAULT_LOCATION
        is_inside = "KUBERNETES_SERVICE_HOST" in os.environ and not any(
            os.path.exists(os.path.expanduser(part)) for part in given.split(os.pathsep)
        )
        try:
            if is_inside and not self._context:
                config.load_incluster_config(client_configuration=configuration)
                found = _ACCOUNT.read_text(encoding="utf-8").strip() if _ACCOUNT.exists() else ""
            else:
                config.load_kube_config(given, context=self._context or None, client_configuration=configuration)
                found = _context_namespace(config, given, self._context)
        except Exception as error:  # a file that is no kubeconfig makes the client fail in any way
            told = " ".join(str(error).split()) or type(error).__name__
            remedy = "set KUBECONFIG to a kubeconfig, and `context`"
            raise ApiError(0, f"no cluster is configured ({told}); {remedy}") from None
        self._namespace = self._namespace or found or "default"
        if not configuration.verify_ssl:
            import urllib3

            # Whoever keeps the kubeconfig has decided that; a line for each call would say nothing new.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return client.ApiClient(configuration)


def _context_namespace(config: Any, given: str, wanted: str) -> str:
    contexts, current = config.list_kube_config_contexts(given)
    chosen = next((one for one in contexts if one["name"] == wanted), current)
    return str((chosen.get("context") or {}).get("namespace") or "")


#: What comes back is parsed here: the client's own records lose what they do not know, and are slow.
_CALL: dict[str, Any] = {"_preload_content": False, "_request_timeout": _CALL_S}
_WATCH: dict[str, Any] = {
    "watch": True, "allow_watch_bookmarks": True, "timeout_seconds": WATCH_S, "_preload_content": False,
    "_request_timeout": (_CALL_S[0], WATCH_S + 30.0),
}  # fmt: skip


def _read(response: Any) -> dict[str, Any]:
    found = json.loads(response.data)
    return found if isinstance(found, dict) else {}


def _pages(call: Any, namespace: str, **selector: str) -> tuple[list[dict[str, Any]], str]:
    items: list[dict[str, Any]] = []
    others: dict[str, Any] = {}
    while True:
        page = _read(call(namespace, limit=_PAGE, **selector, **others, **_CALL))
        items += page.get("items") or ()
        others = {"_continue": page["metadata"].get("continue")}
        if not others["_continue"]:
            return items, str(page["metadata"].get("resourceVersion", ""))


def _api_exception() -> Any:
    from kubernetes.client.exceptions import ApiException

    return ApiException


class _Calling:
    """An API of the client, whose errors become ours."""

    def __init__(self, client: Any, api: str, forget_credentials: Any) -> None:
        self._client = client
        self._api = api
        self._forget_credentials = forget_credentials

    def __enter__(self) -> Any:
        from kubernetes import client

        return getattr(client, self._api)(self._client)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import urllib3.exceptions

        if isinstance(error, AttributeError) and isinstance(error.__context__, _api_exception()):
            error = (
                error.__context__
            )  # before its version 37 the client stumbles over an error of TLS, which has no body
        if isinstance(error, _api_exception()):
            told = _api_error(error)
            if told.status == 401:
                self._forget_credentials()
            raise told from None
        if isinstance(error, (urllib3.exceptions.HTTPError, OSError, ValueError)):
            raise ApiError(0, _plain(error)) from None


def _api_error(error: Any) -> ApiError:
    told, after = str(error.reason or ""), 0.0
    with suppress(ValueError, TypeError, AttributeError):
        told = json.loads(error.body)["message"]
    with suppress(ValueError, TypeError, AttributeError):
        after = float(error.headers.get("Retry-After") or 0)
    return ApiError(int(error.status or 0), " ".join(told.split()), after)


def _plain(error: BaseException) -> str:
    """The last part of the words: the client's own places in memory before it help nobody."""
    return str(getattr(error, "reason", None) or error).rpartition(">: ")[2] or type(error).__name__


class Stream:
    """What a watch says, a document at a time."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __iter__(self) -> Iterator[dict[str, Any]]:
        import urllib3.exceptions

        rest = b""
        try:
            for chunk in self._response.stream(amt=None, decode_content=False):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from map(json.loads, filter(None, lines))
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            raise ApiError(0, _plain(error)) from None

    def close(self) -> None:
        """End it, from any thread."""
        with suppress(Exception):
            self._response.shutdown()
