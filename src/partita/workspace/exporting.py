"""What `partita export kubernetes` writes: a project's settings and flows as manifests, and what is left to do."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import yaml

from partita.errors import SettingsError
from partita.settings import SETTINGS_FILE
from partita.workspace.manifests import Export, Scheduled, documents, plain_name

__all__ = ["ExportView", "export_kubernetes", "toml_text"]

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_FIELD = re.compile(r"[\w*/,?#-]+")
_EXECUTOR = "pods"


class ExportView(TypedDict):
    """Files that were made of a project, and what is left to do with them."""

    files: dict[str, str]  # text by name
    notes: list[str]


def export_kubernetes(
    folder: Path,
    flows: Sequence[tuple[str, Mapping[str, str]]],
    *,
    image: str = "",
    name: str = "",
    namespace: str = "",
    schedule: str = "0 6 * * *",
    time_zone: str = "",
    artifacts: str = "",
    project: str = "/app",
) -> ExportView:
    """Manifests of an engine and of flows on a schedule.

    Args:
        folder: of the project, whose settings are taken over.
        flows: references, each with its inputs as texts.
        image: has the project at the path `project`, and Partita with what the settings need; empty: made of the name.
        artifacts: URL where all pods keep values; empty: the settings have one.

    Raises:
        SettingsError: what is given, or stands in the settings, cannot be run in pods.
    """
    name = name or plain_name(folder.resolve().name) or "partita"
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be a name: it takes up to 40 lower-case letters, digits and -; give --name"
        )
    namespace = namespace or name
    if not _NAME.fullmatch(namespace):
        raise SettingsError(f"{namespace!r} cannot be a namespace: it takes up to 40 lower-case letters, digits and -")
    fields = schedule.split()
    if not (len(fields) == 5 and all(_FIELD.fullmatch(field) for field in fields)) and not schedule.startswith("@"):
        raise SettingsError(
            f'{schedule!r} is no schedule: it has five fields, minute hour day month weekday, such as "0 6 * * *"'
        )
    image = image or f"{name}:1"
    if any(letter.isspace() for letter in image):
        raise SettingsError(f"{image!r} is no name of an image, such as registry.example/prices:1")
    settings, worker_secrets = _settings(folder, image, name, namespace, artifacts)
    export = Export(
        name, namespace, image, project.rstrip("/") or "/app", settings, worker_secrets,
        tuple(_scheduled(name, flow, dict(inputs), len(flows)) for flow, inputs in flows), schedule, time_zone,
    )  # fmt: skip
    files = {file: _yaml(file, found) for file, found in documents(export).items()}
    return ExportView(files=files, notes=_notes(export))


def _scheduled(name: str, flow: str, inputs: dict[str, str], count: int) -> Scheduled:
    own = plain_name(flow.rpartition(":")[2])
    return Scheduled(flow, inputs, f"{name}-{own}"[:52].strip("-"))  # a CronJob's Jobs get eleven letters more


# Settings


def _settings(folder: Path, image: str, name: str, namespace: str, artifacts: str) -> tuple[str, tuple[str, ...]]:
    """The text of partita.toml in the cluster, and the Secrets that its executors write."""
    file = folder / SETTINGS_FILE
    if not file.is_file() and _is_in_pyproject(folder / "pyproject.toml"):
        raise SettingsError(
            f"the settings stand in {folder / 'pyproject.toml'}, where the cluster's cannot take their place; move "
            f"[tool.partita] to {SETTINGS_FILE}"
        )
    table = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    table.pop("store", None)  # a variable from the Secret
    if artifacts:
        table["artifacts"] = artifacts
    if "://" not in str(table.get("artifacts", "")):
        raise SettingsError(
            "pods share no folder: give --artifacts, a URL such as s3://bucket/project that all of them reach"
        )
    executors = table.setdefault("executors", {})
    if not any(one.get("kind") == "kubernetes" for one in executors.values()):
        executors[_EXECUTOR] = {"kind": "kubernetes", "image": image, "cpu": 8, "memory": "32GiB"}
        table.setdefault("executor", _EXECUTOR)
    secrets = []
    for key, one in executors.items():
        if one.get("kind") == "kubernetes":
            own = one["kubernetes"] = dict(one.get("kubernetes") or {})
            own.pop("context", None)
            own["namespace"] = namespace
            own.setdefault("service_account", f"{name}-worker")
            own.setdefault("secret", f"{name}-worker-{plain_name(key)}")
            secrets.append(own["secret"])
    return toml_text(table), tuple(secrets)


def _is_in_pyproject(file: Path) -> bool:
    if not file.is_file():
        return False
    return "partita" in tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})


def toml_text(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """A table as TOML; tables in tables get headings, those in lists stand in a line."""
    lines = [f"{_key(key)} = {_inline(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    text = "".join(f"{line}\n" for line in lines)
    if path and (lines or not table):
        text = f"\n[{'.'.join(map(_key, path))}]\n{text}"
    return text + "".join(toml_text(value, (*path, key)) for key, value in table.items() if isinstance(value, Mapping))


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


# Texts


_HEADS = {
    "secrets.example.yaml": (
        "Fill in a copy of this file, apply it, and keep it out of the repository. `store` is the URL of PostgreSQL, `key` the\n"
        "project's .partita/key in Base64. What stands under {name}-environment is a variable of the engine and of runs,\n"
        "such as AWS_ACCESS_KEY_ID."
    ),
    "worker-secrets.yaml": "The engine writes into these what workers sign with; no other Secret can it change or read.",
    "accounts.yaml": "The engine may do what its executors do, and workers nothing.",
}


def _yaml(file: str, found: list[dict[str, Any]]) -> str:
    name = str(found[0]["metadata"]["labels"]["app.kubernetes.io/instance"]) if "metadata" in found[0] else ""
    head = "".join(f"# {line}\n" for line in _HEADS.get(file, "").format(name=name).splitlines())
    return head + "---\n".join(yaml.dump(one, Dumper=_Dumper, sort_keys=False, width=120) for one in found)


class _Dumper(yaml.SafeDumper):
    """Without anchors, and with texts of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _notes(export: Export) -> list[str]:
    """What is left to do, in order."""
    secret = shlex.join(["kubectl", "-n", export.namespace, "create", "secret", "generic", f"{export.name}-secrets"])
    return [
        f"Push the image {export.image}, with the project at {export.folder} and "
        "`pip install 'partita[kubernetes,postgres,s3]'`.",
        f"Make the namespace: kubectl create namespace {export.namespace}",
        "Put the database's URL, and the key with which this project signs pickled values, into a Secret: "
        f"{secret} --from-literal=store='postgresql://...' --from-file=key=.partita/key",
        f"If the artifacts need credentials, put their variables into the Secret {export.name}-environment "
        "(see secrets.example.yaml).",
        "Apply the rest: kubectl apply -k FOLDER",
    ]
