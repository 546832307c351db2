"""What `partita export kubernetes` writes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from partita.cli import main
from partita.errors import SettingsError
from partita.settings import load_settings
from partita.workspace.exporting import export_kubernetes, toml_text

VERSIONS = ("1.25", kubernetes_validate.latest_version())
FLOW = ("flows.py:survey", {"cities": '["Lisbon"]'})
SOURCE = """
from partita import flow

@flow
def survey(cities: list[str], rate: float = 0.1) -> int:
    return 1

@flow
def clean_up() -> int:
    return 2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "Prices of 2026"
    folder.mkdir()
    (folder / "partita.toml").write_text('store = "postgresql://here/x"\n[slots]\nlicence = 2\n')
    (folder / "flows.py").write_text(SOURCE)
    monkeypatch.chdir(folder)
    return folder


def exported(project: Path, *flows: Any, **others: Any) -> dict[str, list[dict[str, Any]]]:
    given = {"image": "prices:1", "artifacts": "s3://bucket/prices"} | others
    made = export_kubernetes(project, flows or [FLOW], **given)
    files = {name: list(yaml.safe_load_all(text)) for name, text in made["files"].items()}
    for name, documents in files.items():
        for document in documents:
            if name != "kustomization.yaml":
                for version in VERSIONS:
                    kubernetes_validate.validate(document, version, strict=True)
    return files


def settings_of(files: dict[str, list[dict[str, Any]]]) -> str:
    text = files["settings.yaml"][0]["data"]["partita.toml"]
    assert isinstance(text, str)
    return text


def test_all_that_is_needed_is_written(project: Path) -> None:
    files = exported(project)
    kinds = [document["kind"] for name in files if name != "secrets.example.yaml" for document in files[name]]
    assert kinds == [
        "Namespace", "ServiceAccount", "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret",
        "PersistentVolumeClaim", "Deployment", "CronJob", "Kustomization",
    ]  # fmt: skip
    written = set(files) - {"kustomization.yaml", "secrets.example.yaml"}
    assert set(files["kustomization.yaml"][0]["resources"]) == written
    assert {
        document["metadata"].get("namespace", "prices-of-2026") for name in written for document in files[name]
    } == {"prices-of-2026"}


def test_a_flow_is_started_at_times_and_never_twice_at_once(project: Path) -> None:
    (job,) = exported(project, schedule="*/15 8-18 * * 1-5", time_zone="Europe/Lisbon")["schedule.yaml"]
    assert (job["apiVersion"], job["metadata"]["name"]) == ("batch/v1", "prices-of-2026-survey")
    assert job["spec"]["schedule"] == "*/15 8-18 * * 1-5" and job["spec"]["timeZone"] == "Europe/Lisbon"
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["partita", "run", "flows.py:survey", 'cities=["Lisbon"]']


def test_several_flows_are_several_schedules(project: Path) -> None:
    jobs = exported(project, FLOW, ("flows.py:clean_up", {}))["schedule.yaml"]
    assert [job["metadata"]["name"] for job in jobs] == ["prices-of-2026-survey", "prices-of-2026-clean-up"]


def test_there_is_one_engine_that_is_asked_whether_it_is_well(project: Path) -> None:
    deployment = exported(project)["engine.yaml"][1]
    assert deployment["spec"]["replicas"] == 1 and deployment["spec"]["strategy"] == {"type": "Recreate"}
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["partita", "engine", "run"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == ["partita", "engine", "status", "--check"]


def test_other_settings_make_another_pod(project: Path) -> None:
    def annotations() -> Any:
        return exported(project)["engine.yaml"][1]["spec"]["template"]["metadata"]["annotations"]

    before = annotations()
    assert annotations() == before
    (project / "partita.toml").write_text("prefetch = 3\n")
    assert annotations() != before


def test_what_runs_is_not_root_and_workers_may_do_nothing(project: Path) -> None:
    files = exported(project)
    jobs = files["schedule.yaml"][0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for spec in (files["engine.yaml"][1]["spec"]["template"]["spec"], jobs):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False
    accounts = files["accounts.yaml"]
    (subject,) = accounts[3]["subjects"]
    assert subject["name"] == "prices-of-2026-engine" != accounts[1]["metadata"]["name"]


def test_the_role_has_no_more_than_what_the_launcher_calls(project: Path) -> None:
    role = exported(project)["accounts.yaml"][2]
    verbs = {(tuple(rule["resources"]), tuple(rule.get("resourceNames", ()))): rule["verbs"] for rule in role["rules"]}
    assert verbs == {
        (("jobs",), ()): ["create", "list", "deletecollection"],
        (("pods",), ()): ["list", "watch", "deletecollection"],
        (("events",), ()): ["list", "watch"],
        (("secrets",), ("prices-of-2026-worker-pods",)): ["update"],
    }


def test_no_secret_is_written(project: Path) -> None:
    files = exported(project)
    assert "postgresql://here" not in str(files)
    (worker,) = files["worker-secrets.yaml"]
    assert "data" not in worker and "stringData" not in worker
    (container,) = files["engine.yaml"][1]["spec"]["template"]["spec"]["containers"]
    store = {"name": "prices-of-2026-secrets", "key": "store"}
    assert {"name": "PARTITA_STORE", "valueFrom": {"secretKeyRef": store}} in container["env"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert mounts == ["/app/.partita", "/app/partita.toml", "/app/.partita/key"]


def test_settings_are_those_of_the_project_with_an_executor_of_pods(project: Path, tmp_path: Path) -> None:
    text = settings_of(exported(project, namespace="own"))
    there = tmp_path / "there"
    there.mkdir()
    (there / "partita.toml").write_text(text)
    settings = load_settings(there, environment={})
    assert settings.slots == {"licence": 2} and settings.artifacts == "s3://bucket/prices"
    assert settings.executor == "pods" and settings.executors["pods"].image == "prices:1"
    pods = settings.executors["pods"].kubernetes
    assert (pods.namespace, pods.service_account, pods.secret) == (
        "own", "prices-of-2026-worker", "prices-of-2026-worker-pods",
    )  # fmt: skip


def test_executors_of_pods_are_kept_as_they_are(project: Path) -> None:
    (project / "partita.toml").write_text(
        'artifacts = "s3://mine/x"\n[executors.big]\nkind = "kubernetes"\nimage = "big:2"\n'
        '[executors.big.kubernetes]\ncontext = "laptop"\nsecret = "ours"\ntolerations = [{ key = "gpu", operator = "Exists" }]\n'
        '[executors.near]\ncpu = 1\n'
    )  # fmt: skip
    files = exported(project, artifacts="")
    table = tomllib.loads(settings_of(files))
    assert set(table["executors"]) == {"big", "near"} and "executor" not in table
    assert table["executors"]["big"]["kubernetes"] == {
        "secret": "ours", "tolerations": [{"key": "gpu", "operator": "Exists"}], "namespace": "prices-of-2026",
        "service_account": "prices-of-2026-worker",
    }  # fmt: skip
    assert files["accounts.yaml"][2]["rules"][-1]["resourceNames"] == ["ours"]


@pytest.mark.parametrize(
    "others, told",
    [
        ({"artifacts": ""}, "--artifacts"),
        ({"artifacts": "/mnt/x"}, "--artifacts"),
        ({"schedule": "daily"}, "five fields"),
        ({"schedule": "0 6 * * ; rm"}, "five fields"),
        ({"name": "Über"}, "--name"),
        ({"namespace": "a_b"}, "namespace"),
        ({"image": "a b"}, "image"),
    ],
)
def test_what_cannot_be_is_refused(project: Path, others: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        exported(project, **others)


def test_settings_in_pyproject_are_refused_with_what_to_do(project: Path) -> None:
    (project / "partita.toml").unlink()
    (project / "pyproject.toml").write_text("[tool.partita]\ncpu = 1\n")
    with pytest.raises(SettingsError, match="move"):
        exported(project)


def test_toml_is_what_is_read_again() -> None:
    table = {
        "a": 1, "b": [1.5, True, {"x y": 'quote " \\ ü \x01\x7f'}], "c": {"d": {"e.f": "g"}, "h": []}, "empty": {},
    }  # fmt: skip
    assert tomllib.loads(toml_text(table)) == table


def test_on_the_command_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "kubernetes", "clean_up", "survey", "--cities", '["Oslo"]', "--artifacts", "s3://b/x"]
    assert main([*words, "-o", "deploy", "--image", "prices:2"]) == 0
    told = capsys.readouterr()
    assert "schedule.yaml" in told.out and "kubectl apply -k deploy" in told.err and ".partita/key" in told.err
    jobs = list(yaml.safe_load_all((project / "deploy" / "schedule.yaml").read_text()))
    commands = [job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"] for job in jobs]
    assert commands == [
        ["partita", "run", "flows.py:clean_up"],
        ["partita", "run", "flows.py:survey", 'cities=["Oslo"]'],
    ]
    assert main([*words, "-o", "deploy"]) != 0
    assert "nothing is overwritten" in capsys.readouterr().err
    assert main(["export", "kubernetes", "no_such", "--artifacts", "s3://b/x"]) != 0
    assert "no flow 'no_such'" in capsys.readouterr().err
    assert main([*words]) == 0
    assert [one["kind"] for one in yaml.safe_load_all(capsys.readouterr().out) if one][:2] == [
        "Namespace",
        "ServiceAccount",
    ]
