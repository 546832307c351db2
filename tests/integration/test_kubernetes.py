"""Workers in pods of a real cluster, started and watched with the rights of the exported Role and no others."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from partita.core.records import Demand
from partita.errors import EngineError
from partita.executors.kubernetes.checking import check_cluster
from partita.executors.kubernetes.cluster import Cluster
from partita.executors.kubernetes.facts import Fact, Listed
from partita.executors.kubernetes.launcher import KubernetesLauncher
from partita.executors.kubernetes.manifest import Image
from partita.executors.kubernetes.names import Identity, job_name
from partita.executors.kubernetes.refusals import ApiError
from partita.executors.kubernetes.watching import PodWatch
from partita.executors.remote.port import GONE, PENDING, UP, AgentCommand, News, WorkerOrder
from partita.settings_kubernetes import as_kubernetes
from tests.contract.docker_image import base_image
from tests.contract.small_image import small_image
from tests.integration.kubernetes_cluster import (
    TestNamespace,
    namespace,  # noqa: F401
    proxied,
    wait_until,
)
from tests.surveys import found_by

pytestmark = [
    pytest.mark.integration,
    pytest.mark.service,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),  # the test cluster's kubeconfig says not to verify
]

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
#: What workers do, in a shell: the launcher does not care what runs.
SLEEP = "echo it sleeps; sleep 600"
#: A process of number 1 is not ended by SIGTERM unless it has a handler.
ENDS = "trap 'exit 0' TERM; sleep 600 & wait"


class Workers:
    """A launcher, and what it has said."""

    def __init__(self, space: TestNamespace, name: str, do: str, image: str, pull: str, table: dict[str, Any]) -> None:
        template = {"containers": [{"name": "worker", "command": ["sh", "-c", do]}]} if do else {}
        settings = as_kubernetes({
            "namespace": space.name, "secret": "exported-worker-pods", "service_account": "exported-worker",
            "template": template,
        } | table)  # fmt: skip
        self.arguments: tuple[Any, ...] = (
            AgentCommand((), {"PLAIN": "seen"}, {"HUSH": "not to be seen"}), Image(image, pull=pull), settings,
        )  # fmt: skip
        self.names = {"workspace": space.name, "executor": name}
        self.launcher = KubernetesLauncher(*self.arguments, **self.names)
        self.said: dict[str, list[News]] = {}
        self._count = 0

    def with_settings(self, **changes: Any) -> None:
        """Another launcher with other settings."""
        command, image, settings = self.arguments
        self.arguments = (command, image, replace(settings, **changes))
        self.launcher.close()
        self.launcher = KubernetesLauncher(*self.arguments, **self.names)

    def start(self, demand: Demand = Demand(cpu=0.05, memory_bytes=64 << 20), **labels: str) -> str:  # noqa: B008
        self._count += 1
        salt = f"{time.time_ns():x}"[-11:]
        session = f"{salt}{self._count:05d}".lower()
        assert len(session) == 16 and set(session) <= set(_LETTERS)
        self.launcher.start(WorkerOrder(session, demand, labels=labels))
        return session

    def end(self) -> None:
        """Stop what a test that failed has left."""
        left = [session for session, told in self.said.items() if told[-1].what != GONE]
        for session in left:
            self.launcher.stop(session)
        until = time.monotonic() + 30
        while any(self.said[session][-1].what != GONE for session in left) and time.monotonic() < until:
            self.look()
        self.launcher.close()

    def look(self, seconds: float = 0.2) -> None:
        select.select(self.launcher.filenos(), [], [], seconds)
        for news in self.launcher.news():
            told = self.said.setdefault(news.session, [])
            assert not told or told[-1].what != GONE, "something was said of what is gone"
            told.append(news)

    def until(self, session: str, what: str, told: str = "", seconds: float = 200.0) -> News:
        end = time.monotonic() + seconds
        while True:
            for news in self.said.get(session, ()):
                if news.what == what and told in news.detail:
                    return news
                assert what == GONE or news.what != GONE, news
            assert time.monotonic() < end, self.said.get(session)
            self.look()


Make = Callable[..., Workers]


@pytest.fixture
def space(namespace: TestNamespace) -> TestNamespace:  # noqa: F811
    return namespace


@pytest.fixture
def workers(space: TestNamespace, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes launchers; nothing of them is left at the end."""
    monkeypatch.setenv("KUBECONFIG", str(space.account_config()))
    made: list[Workers] = []

    def make(do: str = SLEEP, *, image: str = "", pull: str = "missing", **table: Any) -> Workers:
        name = f"{request.node.name[:30]}-{len(made)}"
        made.append(Workers(space, name, do, image or small_image(), pull, table))
        return made[-1]

    yield make
    for one in made:
        one.end()
    if made:
        wait_until(space.is_empty)


def gone(workers: Workers, session: str, reason: str, told: str = "") -> News:
    news = workers.until(session, GONE)
    assert news.reason == reason and told in news.detail, news
    return news


# What goes well


def test_a_worker_that_ends_by_itself(workers: Make, space: TestNamespace) -> None:
    those = workers('[ "${#HUSH}" = 14 ] && [ "$PLAIN" = seen ] && sleep 1')
    session = those.start(flow="train", task="fit the model")
    those.until(session, PENDING)
    (job,) = space.jobs()
    assert (
        job.metadata.labels["partita/flow"] == "train" and job.metadata.annotations["partita/task"] == "fit the model"
    )
    assert "not to be seen" not in json.dumps(job.to_dict(), default=str)
    assert gone(those, session, "ended").exit_status == 0
    wait_until(space.is_empty)


def test_many_workers_at_once(workers: Make, space: TestNamespace) -> None:
    those = workers("exit 0", calls_per_second=50)
    sessions = [those.start() for _ in range(12)]
    for session in sessions:
        gone(those, session, "ended")
    wait_until(space.is_empty)


def test_a_worker_is_stopped_within_its_grace(workers: Make, space: TestNamespace) -> None:
    those = workers(ENDS)
    session = those.start()
    those.until(session, UP)
    those.launcher.stop(session, 10.0)
    assert gone(those, session, "ended").detail == "it was stopped"
    wait_until(space.is_empty)


def test_a_worker_that_does_not_listen_is_killed_after_its_grace(workers: Make, space: TestNamespace) -> None:
    those = workers(SLEEP, termination_grace="10m")
    session = those.start()
    those.until(session, UP)
    those.launcher.stop(session, 0.0)
    assert gone(those, session, "ended").detail == "it was stopped"  # and was not given up
    wait_until(space.is_empty)


def test_what_is_stopped_before_it_is_there_never_runs(workers: Make, space: TestNamespace) -> None:
    those = workers(SLEEP)
    sessions = [those.start() for _ in range(5)]
    for session in sessions:
        those.launcher.stop(session)
    for session in sessions:
        gone(those, session, "ended", "stopped")
    wait_until(space.is_empty)
    assert all(not any(news.what == UP for news in told) for told in those.said.values())


def test_the_next_launcher_finds_what_runs_and_what_has_ended(workers: Make, space: TestNamespace) -> None:
    those = workers(ENDS)
    running, ending = those.start(), those.start()
    for session in (running, ending):
        those.until(session, UP)
    those.launcher.close()
    (pod,) = (one for one in space.pods() if one.metadata.labels["partita/session"] == ending)
    space.core.delete_namespaced_pod(pod.metadata.name, space.name, grace_period_seconds=1)
    wait_until(lambda: pod.metadata.name not in [one.metadata.name for one in space.pods()])
    those.said.clear()
    those.launcher = KubernetesLauncher(*those.arguments, **those.names)
    found = found_by(those.launcher)
    assert running in found and set(found) <= {running, ending}
    those.until(running, UP)
    for session in found:
        those.launcher.stop(session)
    for session in found:
        assert those.until(session, GONE).reason in ("ended", "evicted")


def test_what_was_left_is_found_when_others_are_watched_already(workers: Make) -> None:
    those = workers()
    left = those.start()
    those.until(left, UP)
    those.launcher.close()
    those.said.clear()
    those.launcher = KubernetesLauncher(*those.arguments, **those.names)
    own = those.start()
    those.until(own, UP)
    assert found_by(those.launcher) == [left]
    those.until(left, UP)
    for session in (own, left):
        those.launcher.stop(session)
    for session in (own, left):
        assert those.until(session, GONE).reason == "ended"


def test_launchers_of_others_see_nothing_of_it(workers: Make) -> None:
    those, others = workers(SLEEP), workers(SLEEP)
    session = those.start()
    those.until(session, UP)
    assert found_by(others.launcher) == []
    others.launcher.stop(session)
    others.look(1.0)
    assert others.said == {} and [news.what for news in those.said[session]][-1] == UP
    those.launcher.stop(session)
    those.until(session, GONE)


# What may pass, and what may not


def test_no_room(workers: Make) -> None:
    those = workers(pending_timeout="6s")
    session = those.start(Demand(cpu=5000))
    those.until(session, PENDING, "Insufficient cpu")
    gone(those, session, "refused", "Insufficient cpu")


def test_an_image_that_is_not_there(workers: Make) -> None:
    those = workers(image="127.0.0.1:9/no-such:1", start_timeout="8s")
    session = those.start()
    those.until(session, PENDING, "the image 127.0.0.1:9/no-such:1 cannot be fetched")
    gone(those, session, "refused", "image_pull_secrets")


def test_an_image_that_must_not_be_fetched(workers: Make) -> None:
    those = workers(image="no-such:1", pull="never", start_timeout="4s")
    gone(those, those.start(), "refused", "has no image no-such:1")


def test_an_image_that_cannot_be(workers: Make) -> None:
    those = workers(image="Not An Image")
    gone(those, those.start(), "refused", "correct")


def test_a_secret_that_is_missing(workers: Make) -> None:
    those = workers(secrets={"TOKEN": "nowhere/token"}, start_timeout="4s")
    gone(those, those.start(), "refused", 'secret "nowhere" not found')


def test_a_volume_that_is_missing(workers: Make) -> None:
    those = workers(volumes=["config:nowhere:/etc/nowhere"], pending_timeout="20s")
    session = those.start()
    gone(those, session, "refused", 'configmap "nowhere" not found')


def test_a_quota_that_is_used_up_and_freed(workers: Make, space: TestNamespace) -> None:
    those = workers(SLEEP)
    quota = {"metadata": {"name": "tiny"}, "spec": {"hard": {"count/jobs.batch": "1"}}}
    space.core.create_namespaced_resource_quota(space.name, quota)
    try:
        wait_until(lambda: space.core.read_namespaced_resource_quota("tiny", space.name).status.used)
        first, second = those.start(), those.start()
        those.until(first, UP)
        those.until(second, PENDING, "exceeded quota")
        those.launcher.stop(first)
        those.until(first, GONE)
        those.until(second, UP)
        those.launcher.stop(second)
        those.until(second, GONE)
    finally:
        space.core.delete_namespaced_resource_quota("tiny", space.name)


def test_a_quota_of_pods_is_told_of_and_kept_to(workers: Make, space: TestNamespace) -> None:
    those = workers(SLEEP, pending_timeout="30s")
    space.core.create_namespaced_resource_quota(
        space.name, {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "0"}}}
    )
    try:
        wait_until(lambda: space.core.read_namespaced_resource_quota("pods", space.name).status.used)
        session = those.start()
        those.until(session, PENDING, "exceeded quota")
        gone(those, session, "refused", "exceeded quota")
    finally:
        space.core.delete_namespaced_resource_quota("pods", space.name)


def test_a_manifest_that_the_cluster_does_not_take(workers: Make) -> None:
    those = workers(template={"dnsPolicy": "Sometimes"})
    gone(those, those.start(), "refused", "dnsPolicy")


# How it ends badly


def test_a_worker_that_fails_tells_what_it_printed_last(workers: Make) -> None:
    those = workers("echo so it was; echo no bucket >&2; exit 3")
    news = gone(those, those.start(), "died", "no bucket")
    assert news.exit_status == 3 and "so it was" in news.detail


def test_an_image_without_python(workers: Make) -> None:
    those = workers("")
    gone(those, those.start(), "refused", "python3")


def test_an_image_without_partita(workers: Make) -> None:
    those = workers("", image=base_image())
    gone(those, those.start(), "refused", "has no Partita")


def test_lack_of_memory(workers: Make) -> None:
    those = workers("exec tail /dev/zero")
    gone(those, those.start(), "memory", "320.0 MiB")


def test_a_worker_that_lives_too_long(workers: Make) -> None:
    those = workers(deadline="8s", termination_grace="1s")
    gone(those, those.start(), "died", "deadline")


def test_a_pod_that_somebody_deletes(workers: Make, space: TestNamespace) -> None:
    those = workers(ENDS)
    session = those.start()
    those.until(session, UP)
    (pod,) = space.pods()
    space.core.delete_namespaced_pod(pod.metadata.name, space.name)
    gone(those, session, "evicted", "deleted its pod")
    wait_until(space.is_empty)  # nor has the Job made another pod


def test_a_job_that_somebody_deletes(workers: Make, space: TestNamespace) -> None:
    those = workers(ENDS)
    session = those.start()
    those.until(session, UP)
    space.batch.delete_namespaced_job(job_name(session), space.name, propagation_policy="Background")
    gone(those, session, "evicted")


def test_a_pod_that_is_evicted_as_when_a_node_is_drained(workers: Make, space: TestNamespace) -> None:
    those = workers(ENDS)
    session = those.start()
    those.until(session, UP)
    (pod,) = space.pods()
    metadata = {"name": pod.metadata.name, "namespace": space.name}
    body = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": metadata}
    with suppress(ValueError):  # the client does not understand the answer, which is that it was done
        space.core.create_namespaced_pod_eviction(pod.metadata.name, space.name, body)
    gone(those, session, "evicted")


def test_a_pod_whose_place_a_more_important_one_takes(workers: Make, space: TestNamespace) -> None:
    """Over a resource that only this test has, lest others lose their pods."""
    from kubernetes import client

    resource, classes = f"test.partita/{space.name}", client.SchedulingV1Api(space.client)
    node = space.core.list_node().items[0].metadata.name
    path = f"/status/capacity/{resource.replace('/', '~1')}"
    space.core.patch_node_status(node, [{"op": "add", "path": path, "value": "1"}])
    for name, value in (("low", 1), ("high", 1000)):
        metadata = {"name": f"{space.name}-{name}"}
        classes.create_priority_class({"metadata": metadata, "value": value, "globalDefault": False})
    try:
        wait_until(lambda: resource in space.core.read_node(node).status.allocatable)
        limits = {
            "containers": [{"name": "worker", "command": ["sh", "-c", ENDS], "resources": {"limits": {resource: "1"}}}]
        }
        low = workers(ENDS, template=limits, priority_class=f"{space.name}-low")
        high = workers(ENDS, template=limits, priority_class=f"{space.name}-high")
        first = low.start()
        low.until(first, UP)
        second = high.start()
        gone(low, first, "evicted", "higher priority")
        high.until(second, UP)
        high.launcher.stop(second)
        high.until(second, GONE)
    finally:
        space.core.patch_node_status(node, [{"op": "remove", "path": path}])
        for name in ("low", "high"):
            classes.delete_priority_class(f"{space.name}-{name}")


# Rights


def test_what_the_role_does_not_grant_is_refused(workers: Make, space: TestNamespace) -> None:
    from kubernetes import client, config

    account = config.new_client_from_config(str(space.account_config()))
    core = client.CoreV1Api(account)
    space.core.create_namespaced_secret(space.name, {"metadata": {"name": "of-others"}, "stringData": {"a": "b"}})
    refused: list[Callable[[], Any]] = [
        lambda: core.read_namespaced_secret("of-others", space.name),
        lambda: core.list_namespaced_secret(space.name),
        lambda: core.read_namespaced_secret("exported-worker-pods", space.name),
        lambda: core.replace_namespaced_secret("of-others", space.name, {"metadata": {"name": "of-others"}}),
        lambda: core.create_namespaced_secret(space.name, {"metadata": {"name": "another"}}),
        lambda: core.list_namespaced_pod("default"),
        lambda: core.create_namespaced_pod(space.name, {"metadata": {"name": "x"}}),
        lambda: core.list_namespaced_config_map(space.name),
        lambda: client.BatchV1Api(account).list_namespaced_job("default"),
        lambda: core.list_node(),
    ]
    for call in refused:
        with pytest.raises(client.ApiException) as error:
            call()
        assert error.value.status == 403
    account.close()


def test_workers_may_do_nothing(workers: Make, space: TestNamespace) -> None:
    from kubernetes import client, config

    account = config.new_client_from_config(str(space.account_config("exported-worker")))
    with pytest.raises(client.ApiException) as error:
        client.CoreV1Api(account).list_namespaced_pod(space.name)
    assert error.value.status == 403
    account.close()


def test_a_missing_right_is_named_with_the_rule_to_add(
    workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(space.account_config("exported-worker")))
    those = workers()
    those.with_settings(secret="")
    detail = gone(those, those.start(), "refused").detail
    assert f"system:serviceaccount:{space.name}:exported-worker may not" in detail and "verbs: [" in detail


def test_another_namespace_is_refused(workers: Make) -> None:
    those = workers(namespace="default")
    gone(those, those.start(), "refused", "in the namespace default")


def test_a_namespace_that_is_not_there(workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(space.config))
    those = workers(namespace="no-such-namespace")
    gone(those, those.start(), "refused", "kubectl create namespace no-such-namespace")


def test_credentials_that_have_expired(workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(space.config_of("expired")))
    those = workers(start_timeout="5s")
    session = those.start()
    those.until(session, PENDING, "does not accept the credentials")
    gone(those, session, "refused", "renew them")


def test_credentials_that_are_renewed_meanwhile(
    workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, file = space.account_config(), space.config_of("expired")
    monkeypatch.setenv("KUBECONFIG", str(file))
    those = workers("exit 0")
    session = those.start()
    those.until(session, PENDING, "does not accept the credentials")
    file.write_text(good.read_text())
    gone(those, session, "ended")


# The server goes away


def test_a_server_that_cannot_be_reached(workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(space.account_config(server="https://127.0.0.1:9")))
    those = workers(pending_timeout="5s")
    session = those.start()
    those.until(session, PENDING, "does not answer")
    wait_until(lambda: "does not answer" in those.launcher.trouble)  # it is noted a moment after it is told
    gone(those, session, "refused", "does not answer")
    with pytest.raises(EngineError, match="does not answer"):
        found_by(those.launcher)


def test_a_server_that_goes_away_and_comes_back(
    workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxied(space) as proxy:
        monkeypatch.setenv("KUBECONFIG", str(space.account_config(server=proxy.url)))
        those = workers(ENDS)
        kept, lost = those.start(), those.start()
        for session in (kept, lost):
            those.until(session, UP)
        proxy.cut()
        wait_until(lambda: those.look() or those.launcher.trouble)
        late = those.start()
        those.until(late, PENDING, "does not answer")
        assert all(told[-1].what != GONE for told in those.said.values())
        (pod,) = (one for one in space.pods() if one.metadata.labels["partita/session"] == lost)
        space.core.delete_namespaced_pod(pod.metadata.name, space.name, grace_period_seconds=1)
        those.launcher.stop(kept)  # is done when it can be
        wait_until(lambda: pod.metadata.uid not in [one.metadata.uid for one in space.pods()])
        proxy.heal()
        gone(those, lost, "evicted")
        gone(those, kept, "ended", "stopped")
        those.until(late, UP)
        assert not those.launcher.trouble
        those.launcher.stop(late)
        those.until(late, GONE)
        wait_until(space.is_empty)


class _LateWatch(PodWatch):
    """Begins at a version that the server has long forgotten."""

    lists = 0

    def _list(self) -> str:
        self.lists += 1
        version = super()._list()
        return "1" if self.lists == 1 else version


def test_a_watch_whose_place_is_forgotten_lists_again(workers: Make, space: TestNamespace) -> None:
    facts: list[Fact] = []
    watch = _LateWatch(Cluster("", space.name), "partita/session=none", facts.extend)
    watch.start()
    try:
        wait_until(lambda: watch.lists == 2 and sum(isinstance(fact, Listed) for fact in facts) == 2)
        time.sleep(1.0)
        assert watch.lists == 2
    finally:
        watch.close(5.0)


def test_a_watch_ends_at_once_when_it_is_closed(workers: Make, space: TestNamespace) -> None:
    those = workers(SLEEP)
    session = those.start()
    those.until(session, UP)
    those.launcher.stop(session)
    those.until(session, GONE)
    started = time.monotonic()
    those.launcher.close()
    assert time.monotonic() - started < 5
    assert not [thread for thread in _threads() if thread.is_alive()]


def _threads() -> list[Any]:
    import threading

    return [thread for thread in threading.enumerate() if thread.name.startswith("partita-kubernetes")]


def test_workers_in_flight_cost_no_calls(workers: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes.client import rest

    calls: list[tuple[str, str]] = []
    real = rest.RESTClientObject.request

    def counted(self: Any, method: str, url: str, *others: Any, **more: Any) -> Any:
        calls.append((method, url))
        return real(self, method, url, *others, **more)

    monkeypatch.setattr(rest.RESTClientObject, "request", counted)
    those = workers(SLEEP)
    sessions = [those.start() for _ in range(5)]
    for session in sessions:
        those.until(session, UP)
    calls.clear()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        those.look(0.1)
    assert calls == []
    for session in sessions:
        those.launcher.stop(session)
    for session in sessions:
        those.until(session, GONE)


# The Secret


def test_the_secret_that_nobody_named_goes_with_the_last_worker(
    workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(space.config))
    those = workers("exit 0")
    those.with_settings(secret="")
    gone(those, those.start(), "ended")
    name = Identity(**those.names).secret_name
    (made,) = (one for one in space.core.list_namespaced_secret(space.name).items if one.metadata.name == name)
    assert set(made.data) == {"HUSH"} and made.metadata.labels["app.kubernetes.io/managed-by"] == "partita"
    those.launcher.close()
    assert name not in {one.metadata.name for one in space.core.list_namespaced_secret(space.name).items}


# Whether it can be used


def _checked(space: TestNamespace, **table: Any) -> list[str]:
    settings = as_kubernetes({"namespace": space.name, "secret": "exported-worker-pods"} | table)
    command = AgentCommand((), {}, {"HUSH": "x"})
    return check_cluster(command, Image("prices:1"), settings, workspace="w", executor="pods")


def test_a_cluster_that_can_be_used(workers: Make, space: TestNamespace) -> None:
    assert _checked(space) == []
    assert space.is_empty()


def test_what_is_wrong_is_found_before_anything_runs(
    workers: Make, space: TestNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (told,) = _checked(space, namespace="default")
    assert "may not create jobs" in told and "default" in told
    (told,) = _checked(space, secret="of-somebody-else")
    assert "update secrets" in told
    (told,) = _checked(space, template={"dnsPolicy": "Sometimes"})
    assert "dnsPolicy" in told
    monkeypatch.setenv("KUBECONFIG", str(space.config))
    (told,) = _checked(space, namespace="no-such-namespace")
    assert "kubectl create namespace no-such-namespace" in told
    monkeypatch.setenv("KUBECONFIG", str(space.config_of("expired")))
    (told,) = _checked(space)
    assert "credentials" in told
    monkeypatch.setenv("KUBECONFIG", str(space.account_config(server="https://127.0.0.1:9")))
    (told,) = _checked(space)
    assert "does not answer" in told
    monkeypatch.setenv("KUBECONFIG", str(Path("/nowhere/kubeconfig")))
    (told,) = _checked(space)
    assert "KUBECONFIG" in told
    with pytest.raises(ApiError):
        Cluster("no-such-context").list_jobs("a=b")
