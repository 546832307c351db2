"""How much longer a step takes on other executors than on local processes, and how long the first one of each takes.

    python benchmarks/executors.py --docker IMAGE
    python benchmarks/executors.py --kubernetes IMAGE --artifacts s3://bucket/bench [--namespace NAME]
    python benchmarks/executors.py --ray
    ... [--steps 300] [--repeats 5]

A chain of steps that do nothing, each fed by the last, on local processes and in warm workers there, in turn. Prints a JSON
line for each executor, medians over the repeats: ms a step here and there, what that adds, and the seconds that the first
step there took with starting its worker. Whatever is named is measured, one after the other; each makes a project of its
own in a temporary folder.

Docker's image needs what Partita's workers import. That of Kubernetes has Partita itself, and what reaches the artifacts:
those lie at a URL that pods and this machine reach, whose AWS_... variables are passed on, or in a new folder that is mounted
from the node under the same path (a cluster of one node, this machine). The cluster is that of KUBECONFIG. Ray is a local
one with two CPUs, which is started for it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLOWS = """
from partita import flow, task

@task
def here(number: int) -> int:
    return number + 1

@task(executor="there")
def there(number: int) -> int:
    return number + 1

@flow
def near(count: int) -> int:
    number = 0
    for _ in range(count):
        number = here(number)
    return number

@flow
def far(count: int) -> int:
    number = 0
    for _ in range(count):
        number = there(number)
    return number
"""


def docker(image: str) -> dict[str, Any]:
    return {"kind": "docker", "image": image, "pull": "never"}


def kubernetes(image: str, namespace: str, artifacts: str) -> dict[str, Any]:
    pods: dict[str, Any] = {"namespace": namespace} if namespace else {}
    if "://" not in artifacts:
        pods["volumes"] = [f"host:{artifacts}:{artifacts}"]
        pods["security"] = {"runAsUser": os.getuid(), "runAsGroup": os.getgid(), "runAsNonRoot": os.getuid() != 0}
    variables = [name for name in os.environ if name.startswith("AWS_")]
    return {"kind": "kubernetes", "image": image, "variables": variables, "kubernetes": pods}


def ray() -> dict[str, Any]:
    return {"kind": "ray"}


@contextmanager
def project(executor: dict[str, Any], artifacts: str) -> Iterator[Any]:
    """The workspace of a new project with this executor; its engine ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    (folder / "flows.py").write_text(FLOWS)
    (folder / "partita.toml").touch()
    table = {**executor, "cpu": 2, "idle": "10m"}
    os.environ["PARTITA_EXECUTORS"] = json.dumps({"there": table})
    if artifacts:
        os.environ["PARTITA_ARTIFACTS"] = artifacts
    os.chdir(folder)
    from partita.workspace import open_workspace

    workspace = open_workspace()
    try:
        yield workspace
    finally:
        workspace.stop_engine()
        os.environ.pop("PARTITA_ARTIFACTS", None)
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


def run_s(workspace: Any, flow: str, count: int) -> float:
    started = time.perf_counter()
    run = workspace.launch(f"flows.py:{flow}", texts={"count": str(count)})
    while not (seen := workspace.wait(run, 30))["is_final"]:
        pass
    assert seen["run"]["state"] == "succeeded", seen["run"]
    return time.perf_counter() - started


def measure(executor: dict[str, Any], steps: int, repeats: int, artifacts: str = "") -> None:
    with project(executor, artifacts) as workspace:
        run_s(workspace, "near", 1)  # an engine is up
        cold_s = run_s(workspace, "far", 1)
        near, far = [], []
        for _ in range(repeats):
            near.append(run_s(workspace, "near", steps) / steps)
            far.append(run_s(workspace, "far", steps) / steps)
    here_ms, there_ms = 1000 * statistics.median(near), 1000 * statistics.median(far)
    figures = {"process_ms": here_ms, "there_ms": there_ms, "added_ms": there_ms - here_ms, "cold_s": cold_s}
    rounded = {name: round(value, 3) for name, value in figures.items()}
    load = [round(number, 1) for number in os.getloadavg()]
    line = {
        "name": executor["kind"],
        "cores": os.cpu_count(),
        "load": load,
        "steps": steps,
        "repeats": repeats,
        **rounded,
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docker", metavar="IMAGE")
    parser.add_argument("--kubernetes", metavar="IMAGE")
    parser.add_argument("--namespace", default="", help="of the pods; default: the kubeconfig's own")
    parser.add_argument("--artifacts", default="", help="a URL, or a folder of the node, for --kubernetes")
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not (options.docker or options.kubernetes or options.ray):
        parser.error("name what to measure: --docker IMAGE, --kubernetes IMAGE or --ray")
    if options.kubernetes and not options.artifacts:
        parser.error("--kubernetes needs --artifacts: a URL, or a folder that pods mount")
    if options.docker:
        measure(docker(options.docker), options.steps, options.repeats)
    if options.kubernetes:
        there = kubernetes(options.kubernetes, options.namespace, options.artifacts)
        measure(there, options.steps, options.repeats, options.artifacts)
    if options.ray:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        measure(ray(), options.steps, options.repeats)


if __name__ == "__main__":
    main()
