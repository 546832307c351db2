"""Several executors in one workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from partita.cli import main
from partita.errors import CheckError, SettingsError, StepError
from partita.settings import load_settings
from partita.workspace.executors import capacities_of, pools_of
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

SETTINGS = """
cpu = 2
[slots]
licence = 1
[executors.heavy]
cpu = 1
memory = "1GiB"
[executors.tiny]
cpu = 0.5
"""

FLOWS = """
import os, time
from partita import flow, task

def spans(seconds):
    begun = time.monotonic()
    time.sleep(seconds)
    return [begun, time.monotonic(), os.getpid()]

@task
def light(x: int) -> list:
    return spans(0.2)

@task(executor="heavy")
def heavy(x: int) -> list:
    return spans(0.2)

@task(slots={"licence": 1})
def here(x: int) -> list:
    return spans(0.1)

@task(executor="heavy", slots={"licence": 1})
def there(x: int) -> list:
    return spans(0.1)

@task(executor="tiny", cpu=1)
def too_large(x: int) -> int:
    return x

@task(executor="far")
def nowhere(x: int) -> int:
    return x

@task
def small(x: int) -> int:
    return x

@flow
def both(count: int = 4) -> list:
    return [light.map(list(range(count))), heavy.map(list(range(count)))]

@flow
def licensed(count: int = 3) -> list:
    return [here.map(list(range(count))), there.map(list(range(count)))]

@flow
def large(x: int = 1) -> int:
    return too_large(x)

@flow
def lost(x: int = 1) -> int:
    return nowhere(x)

@flow
def plain(x: int = 1) -> int:
    return small(x)
"""


@pytest.fixture
def several(make_project: Callable[[str], Project]) -> Project:
    project = make_project(SETTINGS)
    project.write(FLOWS)
    return project


def overlaps(spans: list[Any]) -> int:
    """How many of the spans went on at once, at most."""
    ends = sorted([(begun, 1) for begun, _, _ in spans] + [(ended, -1) for _, ended, _ in spans])
    running = most = 0
    for _, change in ends:
        running += change
        most = max(most, running)
    return most


def test_steps_of_one_run_use_several_executors(several: Project) -> None:
    run = several.start("both")
    light, heavy = several.result(run)
    assert overlaps(heavy) == 1 and overlaps(light) <= 2
    assert not {pid for *_, pid in light} & {pid for *_, pid in heavy}
    ran = {step["name"].partition("[")[0]: several.workspace.attempts(run.id, step["id"]) for step in run.steps}
    assert ran["heavy"][0]["executor"] == "heavy" and ran["light"][0]["executor"] == "process"


def test_slots_are_those_of_all_executors_together(several: Project) -> None:
    here, there = several.result(several.start("licensed"))
    assert overlaps([*here, *there]) == 1


def test_a_run_names_its_executor(several: Project) -> None:
    run = several.workspace.launch("flows.py:plain", executor="heavy")
    while not several.workspace.wait(run, 30)["is_final"]:
        pass
    step = next(step for step in several.workspace.all_steps(run) if step["name"] == "small")
    assert several.workspace.attempts(run, step["id"])[0]["executor"] == "heavy"


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        ("large", "can never run on the executor tiny: cpu: 1 asked, 0.5 in all"),
        ("lost", "asks for the executor 'far'; there is none"),
    ],
)
def test_what_can_never_run_is_told_before_the_run(several: Project, flow: str, told: str) -> None:
    assert told in several.workspace.check(f"flows.py:{flow}", {})["problems"][0]["message"]
    with pytest.raises((CheckError, StepError), match=told.split(":")[0]):
        several(flow)


def test_a_default_that_the_settings_name(make_project: Callable[[str], Project]) -> None:
    project = make_project('executor = "own"\n[executors.own]\ncpu = 1\n')
    project.write(FLOWS)
    run = project.start("plain")
    assert project.result(run) == 1
    step = next(step for step in run.steps if step["name"] == "small")
    assert project.workspace.attempts(run.id, step["id"])[0]["executor"] == "own"


def test_what_the_default_executor_has_is_left_of_the_machine(make_project: Callable[[str], Project]) -> None:
    project = make_project("[executors.one]\ncpu = 0.5\n")
    machine = capacities_of(load_settings(make_project("").folder))["process"]
    settings = project.workspace.settings
    assert capacities_of(settings)["process"].cpu == machine.cpu - 0.5
    assert set(pools_of(settings)) == {"process", "one"}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("[executors.a]\ncpus = 1", "no 'cpus' to the executor a; did you mean cpu?"),
        ("[executors.a]\ncpu = 0", "as cpu of the executor a a number above 0"),
        ("[executors.a]\nkind = 'podman'", 'as kind of the executor a one of "process", "docker"'),
        ("[executors.a]\nkind = 'docker'", "an image to the executor a"),
        ("[executors.a]\nimage = 'x:1'", 'image of the executor a only with kind = "docker"'),
        ("[executors.a]\nkind = 'kubernetes'", "an image to the executor a"),
        (
            "[executors.a]\nkind = 'kubernetes'\nimage = 'x:1'\nkubernetes = { namespac = 'x' }",
            "as kubernetes of the executor a no 'namespac' in it; did you mean namespace?",
        ),
        ("[executors.a]\nkubernetes = {}", 'kubernetes of the executor a only with kind = "kubernetes"'),
        ("[executors.process]\ncpu = 1", "another name than 'process'"),
        ("executors = 3", "tables by name"),
    ],
)
def test_wrong_tables_are_refused(make_project: Callable[[str], Project], table: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told.replace("?", r"\?")):
        make_project(table)


def test_executors_are_listed_and_tested(
    several: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(several.folder)
    assert main(["executors", "list"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1][:3] == ["process", "process", "2"] and rows[2][:5] == ["heavy", "process", "1", "1.0", "GiB"]
    assert main(["executors", "test"]) == 0
    told = capsys.readouterr().out
    assert told.count("ok") == 3 and "Python 3." in told
    assert main(["executors", "test", "heavy", "--json"]) == 0
    (view,) = json.loads(capsys.readouterr().out)
    assert view["is_ok"] and view["told"]["cores"] >= 1
    assert main(["executors", "test", "none"]) == 2
    assert "the settings have process, heavy, tiny" in capsys.readouterr().err


def test_an_executor_that_cannot_store_values_is_told_in_words(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project("")
    project.workspace.state.mkdir()
    (project.workspace.state / "blobs").write_text("a file where the folder should be")
    monkeypatch.chdir(project.folder)
    assert main(["executors", "test"]) == 4
    assert "wrong  process" in (told := capsys.readouterr().out) and "a blob cannot be written to" in told


def test_a_cluster_that_cannot_be_used_is_told_in_words_before_anything_is_started(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project('artifacts = "s3://bucket/x"\n[executors.pods]\nkind = "kubernetes"\nimage = "prices:1"\n')
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("KUBECONFIG", str(project.folder / "nowhere"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert main(["executors", "test", "pods"]) == 4
    told = capsys.readouterr().out
    assert "wrong  pods" in told and "no cluster is configured" in told and "set KUBECONFIG" in told
    monkeypatch.setenv("KUBECONFIG", str(project.folder / "config"))
    (project.folder / "config").write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x", "users": [{"name": "x", "user": {"token": "t"}}],
        "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }))  # fmt: skip
    assert main(["executors", "test", "pods"]) == 4
    assert "the cluster's API server does not answer" in capsys.readouterr().out
