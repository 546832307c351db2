"""What `partita export kubernetes` writes, applied to a real cluster: an engine that stays up, and a run as the schedule starts it."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import yaml

from partita.artifacts.keys import workspace_key
from partita.cli import main
from partita.settings import load_settings
from partita.workspace.local import LocalWorkspace
from tests.contract.docker_image import base_image
from tests.contract.postgres_server import new_schema
from tests.integration.kubernetes_cluster import (
    Proxy,
    TestNamespace,
    admin_config,
    wait_until,
)
from tests.integration.s3_server import running_bucket

pytestmark = [
    pytest.mark.integration,
    pytest.mark.service,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),  # the test cluster's kubeconfig says not to verify
]

_ROOT = Path(__file__).parents[2]
#: Where pods reach this machine; TEST_HOST_ADDRESS names another address.
_HOST = os.environ.get("TEST_HOST_ADDRESS", "172.17.0.1")

FLOWS = """
from partita import flow, task

class Total:
    def __init__(self, count):
        self.count = count

@task
def total(x: int) -> Total:
    print("it counts", x)
    return Total(x * 2)

@flow
def count(x: int = 1) -> Total:
    return total(x)
"""


def project_image(folder: Path) -> str:
    """An image with Partita, what the export asks for, and the project in /app."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needs = [*project["dependencies"], *extras["kubernetes"], *extras["postgres"], *extras["s3"]]
    built = folder / "image"
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(words, cwd=_ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    (built / "flows.py").write_text(FLOWS)
    wanted = " ".join(f"'{need}'" for need in needs)
    (built / "Dockerfile").write_text(
        f"FROM {base_image()}\nRUN pip install --quiet {wanted}\nCOPY {wheel.name} /tmp/\n"
        f"RUN pip install --quiet --no-deps /tmp/{wheel.name}\nCOPY flows.py /app/\nWORKDIR /app\n"
    )
    name = f"partita-project:{zlib.crc32(wheel.read_bytes()):08x}"
    done = subprocess.run(
        ["docker", "build", "--quiet", "--network", "host", "--tag", name, str(built)], check=False,
        capture_output=True, text=True, env={**os.environ, "DOCKER_BUILDKIT": "0"}, timeout=600,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"the image cannot be made, as without a package index: {done.stderr[-500:]}")
    return name


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[TestNamespace]:
    admin_config()
    base_image()
    made = TestNamespace(tmp_path, with_accounts=False)
    yield made
    made.close()


def reachable(url: str, stack: ExitStack) -> str:
    """The URL of a service of this machine, as pods reach it; a PostgreSQL may listen at a socket in a folder only."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    port, folder = parts.port or 5432, query.pop("host", "")
    proxy = Proxy(f"{folder}/.s.PGSQL.{port}" if folder else (str(parts.hostname), port), host=_HOST)
    stack.callback(proxy.cut)
    user = f"{parts.username}{f':{parts.password}' if parts.password else ''}@" if parts.username else ""
    return parts._replace(netloc=f"{user}{_HOST}:{proxy.port}", query=urlencode(query)).geturl()


def test_an_engine_stays_up_and_a_schedule_starts_runs(
    cluster: TestNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "counts"
    project.mkdir()
    (project / "flows.py").write_text(FLOWS)
    (project / "partita.toml").write_text('executor = "process"\n')
    monkeypatch.chdir(project)
    image = project_image(tmp_path)
    with ExitStack() as stack:
        bucket = stack.enter_context(running_bucket(monkeypatch))
        endpoint = reachable(os.environ["AWS_ENDPOINT_URL"], stack)
        schema = new_schema()
        words = ["--image", image, "--namespace", cluster.name, "--artifacts", f"{bucket}/counts", "-o", "out"]
        assert main(["export", "kubernetes", "count", "x=21", *words]) == 0
        stubs = list(yaml.safe_load_all((project / "out" / "secrets.example.yaml").read_text()))
        key = workspace_key(project / ".partita")
        stubs[0]["stringData"] = {"store": reachable(schema, stack)}
        stubs[0]["data"] = {"key": base64.b64encode(key).decode()}
        stubs[1]["stringData"] = {
            "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
        for stub in stubs:
            cluster.apply(stub)
        stack.callback(cluster.core.delete_persistent_volume, make_volume(cluster, tmp_path))
        (kustomization,) = yaml.safe_load_all((project / "out" / "kustomization.yaml").read_text())
        schedules: list[dict[str, Any]] = []
        for file in kustomization["resources"]:
            for document in yaml.safe_load_all((project / "out" / file).read_text()):
                if document["kind"] == "CronJob":
                    schedules.append(document)
                elif document["kind"] != "Namespace":
                    cluster.apply(document)

        def is_ready() -> bool:
            return bool(cluster.apps.read_namespaced_deployment("counts-engine", cluster.name).status.ready_replicas)

        wait_until(is_ready, 180)
        (engine,) = cluster.pods()
        assert engine.status.container_statuses[0].restart_count == 0

        # What the controller of a CronJob does when its time has come:
        (schedule,) = schedules
        job = {
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "run-by-hand"},
            "spec": schedule["spec"]["jobTemplate"]["spec"],
        }  # fmt: skip
        cluster.apply(job)

        def job_status() -> Any:
            return cluster.batch.read_namespaced_job("run-by-hand", cluster.name).status

        wait_until(lambda: job_status().succeeded or job_status().failed, 180)
        (pod,) = (one for one in cluster.pods() if "run-by-hand" in one.metadata.name)
        said = cluster.core.read_namespaced_pod_log(pod.metadata.name, cluster.name)
        assert job_status().succeeded, said
        assert "it counts 21" in said or "succeeded" in said

        # The same project on this machine finds the run in the same store.
        monkeypatch.setenv("PARTITA_STORE", schema)
        monkeypatch.setenv("PARTITA_ARTIFACTS", f"{bucket}/counts")
        workspace = LocalWorkspace(project, load_settings(project))
        try:
            (run,) = workspace.runs()
            assert (run["flow"].rpartition(":")[2], run["state"]) == ("count", "succeeded")
        finally:
            workspace.stop_engine()
            workspace.close()


def make_volume(cluster: TestNamespace, folder: Path) -> str:
    """A volume on the node, which the claim of the engine gets."""
    name, path = f"{cluster.name}-{secrets.token_hex(3)}", folder / "volume"
    path.mkdir()
    path.chmod(0o777)
    cluster.core.create_persistent_volume({
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": str(path), "type": "Directory"},
            "claimRef": {"namespace": cluster.name, "name": "counts-state"},
        },
    })  # fmt: skip
    return name
