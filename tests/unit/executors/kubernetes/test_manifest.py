"""The Job of a worker."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate
import pytest

from partita.core.records import Demand
from partita.executors.kubernetes.manifest import Image, merged, secret_manifest, worker_manifest
from partita.executors.kubernetes.names import Identity, label_value, session_of
from partita.executors.remote.port import AgentCommand, WorkerOrder
from partita.settings_kubernetes import KubernetesSettings, as_kubernetes

#: An older schema, and the newest one.
VERSIONS = ("1.25", kubernetes_validate.latest_version())

SESSION = "0123456789abcdef"
WHOSE = Identity("w1", "cluster")
COMMAND = AgentCommand(("--post", "s3://bucket/x"), {"PARTITA_WORKER": "mark"}, {"AWS_SECRET_ACCESS_KEY": "hush"})


def made(
    table: dict[str, Any] | None = None, *, demand: Demand | None = None, labels: dict[str, str] | None = None
) -> dict[str, Any]:
    worker = WorkerOrder(SESSION, demand or Demand(), labels=labels or {})
    manifest = worker_manifest(worker, COMMAND, Image("prices:1"), WHOSE, as_kubernetes(table or {}))
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)
    return manifest


def spec_of(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


def container_of(manifest: dict[str, Any]) -> dict[str, Any]:
    (container,) = spec_of(manifest)["containers"]
    assert isinstance(container, dict)
    return container


def test_a_worker_is_one_pod_that_is_not_tried_again() -> None:
    manifest = made()
    assert manifest["metadata"]["name"] == f"partita-{SESSION}"
    assert manifest["spec"]["backoffLimit"] == 0 and manifest["spec"]["parallelism"] == 1
    assert spec_of(manifest)["restartPolicy"] == "Never"
    assert manifest["spec"]["ttlSecondsAfterFinished"] == 3600
    assert container_of(manifest)["command"] == [
        "python3", "-P", "-m", "partita.worker.agent", "--post", "s3://bucket/x", "--session", SESSION, "--attempts", "0",
    ]  # fmt: skip


def test_it_is_found_by_its_labels() -> None:
    manifest = made(labels={"flow": "train", "task": "fit the model / all of it"})
    pod = manifest["spec"]["template"]
    for described in (manifest, pod):
        labels = described["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "partita"
        assert (labels["partita/workspace"], labels["partita/executor"]) == ("w1", "cluster")
        assert session_of(described) == SESSION
        assert labels["partita/flow"] == "train" and labels["partita/task"].startswith("fit-the-model-all-of-it-")
        assert described["metadata"]["annotations"]["partita/task"] == "fit the model / all of it"


def test_no_label_takes_the_place_of_those_that_find_it() -> None:
    assert session_of(made({"labels": {"partita/session": "elsewhere"}}, labels={"session": "elsewhere"})) == SESSION


@pytest.mark.parametrize(
    "text", ["a" * 63, "a" * 64, "über", "a/b", "-a", "a-", "", "日本", "x" * 53 + "--" + "y" * 20]
)
def test_any_text_becomes_a_label(text: str) -> None:
    import re

    value = label_value(text)
    assert len(value) <= 63 and re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?", value)
    assert bool(value) == bool(text)


def test_texts_that_look_alike_are_not_mixed_up() -> None:
    assert label_value("a/b") != label_value("a?b")
    assert Identity("a", "b c").secret_name != Identity("a", "b-c").secret_name


def test_secrets_stand_in_no_job() -> None:
    manifest = made({"secrets": {"API_TOKEN": "prices/token"}})
    assert "hush" not in json.dumps(manifest)
    variables = {variable["name"]: variable for variable in container_of(manifest)["env"]}
    own = {"name": WHOSE.secret_name, "key": "AWS_SECRET_ACCESS_KEY"}
    assert variables["AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"] == own
    assert variables["API_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "prices", "key": "token"}
    assert variables["PARTITA_WORKER"]["value"] == "mark"


def test_the_secret_is_one_of_the_cluster() -> None:
    manifest = secret_manifest(COMMAND, WHOSE, "own")
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert manifest["data"] == {"AWS_SECRET_ACCESS_KEY": "aHVzaA=="}
    assert manifest["metadata"]["labels"] == WHOSE.labels


def test_what_a_step_asks_for_is_what_its_pod_gets() -> None:
    resources = container_of(made(demand=Demand(0.3, 512 << 20, 1.5)))["resources"]
    assert (
        resources["requests"]
        == {"cpu": "300m", "memory": str((512 + 256) << 20), "nvidia.com/gpu": "2"}
        == resources["limits"]
    )
    assert container_of(made(demand=Demand(0.0)))["resources"] == {}
    assert (
        container_of(made({"gpu_resource": "amd.com/gpu"}, demand=Demand(gpu=1)))["resources"]["limits"]["amd.com/gpu"]
        == "1"
    )


def test_a_worker_may_do_little_by_default() -> None:
    manifest = made()
    assert spec_of(manifest)["automountServiceAccountToken"] is False
    assert spec_of(manifest)["securityContext"]["runAsNonRoot"] is True
    assert container_of(manifest)["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip


def test_settings_reach_the_pod() -> None:
    manifest = made({
        "service_account": "workers", "automount_token": True, "image_pull_secrets": ["login"],
        "node_selector": {"disk": "ssd"}, "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}}, "priority_class": "low", "environment": {"MODE": "fast"},
        "labels": {"team": "prices"}, "annotations": {"note": "x y"}, "working_directory": "/work",
        "security": {"runAsUser": 5, "fsGroup": None}, "ttl": "1m", "deadline": "1h", "termination_grace": "5s",
        "node_timeout": "30s",
    })  # fmt: skip
    spec = spec_of(manifest)
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("workers", True)
    assert spec["imagePullSecrets"] == [{"name": "login"}] and spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["tolerations"][0] == {"key": "gpu", "operator": "Exists"}
    assert {one["tolerationSeconds"] for one in spec["tolerations"][1:]} == {30}
    assert spec["priorityClassName"] == "low" and spec["activeDeadlineSeconds"] == 3600
    assert spec["terminationGracePeriodSeconds"] == 5 and manifest["spec"]["ttlSecondsAfterFinished"] == 60
    assert spec["securityContext"]["runAsUser"] == 5 and "fsGroup" not in spec["securityContext"]
    assert container_of(manifest)["workingDir"] == "/work"
    assert {"name": "MODE", "value": "fast"} in container_of(manifest)["env"]
    assert manifest["metadata"]["labels"]["team"] == "prices" and manifest["metadata"]["annotations"] == {"note": "x y"}


def test_volumes_in_the_short_form_and_as_kubernetes_writes_them() -> None:
    manifest = made({
        "volumes": [
            "claim:data:/data:ro", "config:prices:/etc/prices", "secret:tls:/etc/tls", "host:/mnt/ssd:/ssd", "empty::/scratch",
            "memory:1Gi:/dev/shm",
            {"mount": "/nfs", "nfs": {"server": "files", "path": "/all"}, "read_only": True, "sub_path": "prices"},
        ]
    })  # fmt: skip
    sources = [{key: volume[key] for key in volume if key != "name"} for volume in spec_of(manifest)["volumes"]]
    assert sources == [
        {"persistentVolumeClaim": {"claimName": "data"}},
        {"configMap": {"name": "prices"}},
        {"secret": {"secretName": "tls"}},
        {"hostPath": {"path": "/mnt/ssd"}},
        {"emptyDir": {}},
        {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"nfs": {"server": "files", "path": "/all"}},
    ]
    mounts = container_of(manifest)["volumeMounts"]
    assert mounts[0] == {"name": "volume-0", "mountPath": "/data", "readOnly": True}
    assert mounts[-1] == {"name": "volume-6", "mountPath": "/nfs", "readOnly": True, "subPath": "prices"}


def test_a_template_is_laid_over_the_pod() -> None:
    template = {
        "runtimeClassName": "gvisor",
        "tolerations": None,
        "securityContext": {"runAsUser": 7},
        "initContainers": [{"name": "first", "image": "busybox:1"}],
        "containers": [
            {"name": "worker", "env": [{"name": "HOME", "value": "/home"}], "resources": {"limits": {"disk/io": "1"}}},
            {"name": "proxy", "image": "proxy:1"},
        ],
    }
    spec = spec_of(made({"template": template}))
    assert spec["runtimeClassName"] == "gvisor" and "tolerations" not in spec
    assert spec["securityContext"]["runAsUser"] == 7 and spec["securityContext"]["runAsNonRoot"] is True
    worker, proxy = spec["containers"]
    assert worker["image"] == "prices:1" and proxy["name"] == "proxy"
    assert {"name": "HOME", "value": "/home"} in worker["env"] and len(worker["env"]) == 3
    assert worker["resources"]["limits"] == {"cpu": "1000m", "disk/io": "1"}


def test_what_is_laid_over_does_not_change_what_lies_under() -> None:
    under: dict[str, Any] = {"a": {"b": [{"name": "x", "c": 1}], "d": [1, 2]}}
    over = {"a": {"b": [{"name": "x", "e": 2}, {"name": "y"}], "d": [3]}}
    assert merged(under, over) == {"a": {"b": [{"name": "x", "c": 1, "e": 2}, {"name": "y"}], "d": [3]}}
    assert under == {"a": {"b": [{"name": "x", "c": 1}], "d": [1, 2]}}


@pytest.mark.parametrize(
    "table, told",
    [
        ({"namespac": "x"}, "did you mean namespace"),
        ({"namespace": "Not This"}, "lower-case"),
        ({"volumes": ["data:/data"]}, "KIND:SOURCE:PATH"),
        ({"volumes": ["claim::/data"]}, "KIND:SOURCE:PATH"),
        ({"volumes": ["claim:data:data"]}, "KIND:SOURCE:PATH"),
        ({"volumes": [{"mount": "/x"}]}, "one source"),
        ({"secrets": {"TOKEN": "prices"}}, "SECRET/KEY"),
        ({"environment": {"a-b": "x"}}, "names of variables"),
        ({"environment": {"A": 1}}, "a table of texts"),
        ({"ttl": "soon"}, "a duration"),
        ({"tolerations": {"key": "gpu"}}, "a list of tables"),
        ({"calls_per_second": 0}, "above 0"),
        ({"automount_token": "yes"}, "true or false"),
    ],
)
def test_settings_that_are_wrong_are_refused_with_what_is_taken(table: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        as_kubernetes(table)


def test_every_setting_has_a_key() -> None:
    from dataclasses import fields

    from partita.settings_kubernetes import KUBERNETES_KEYS

    assert {attribute for attribute, _ in KUBERNETES_KEYS.values()} == {
        field.name for field in fields(KubernetesSettings)
    }
