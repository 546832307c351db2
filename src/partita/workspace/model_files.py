"""Writing models of the registry to files that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.artifacts.signing import signer_of
from partita.errors import DamagedError, ModelError, OptionError
from partita.protocol.models import VersionView, stored_model
from partita.values import BLOB, DICT, INLINE, PLAIN, Node

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["export_model"]

#: Codecs whose bytes begin with a signature.
_SIGNED = ("pickle", "sealed")
_FORMS = ("mlflow", "files")


def export_model(
    workspace: LocalWorkspace, view: VersionView, node: Node, target: Path, form: str, by: str = ""
) -> list[Path]:
    """Write a version; gives the files. Nothing of it is opened here.

    Args:
        by: who asks; empty: the user of this machine.
    """
    from partita.models.cards import gather, markdown_card
    from partita.models.mlflow.writing import write_mlflow

    if form not in _FORMS:
        raise OptionError(f"{form!r} is no form of a model's files; give {' or '.join(_FORMS)}")
    fields = stored_model(node)
    if fields is None:
        raise DamagedError(f"what is stored of {view['name']} is no model")
    files = _files(workspace, fields["files"])
    about = _plain(workspace, fields["about"])
    record = {
        **about,
        **view["record"],
        "signature": _plain(workspace, fields["signature_data"]),
        "types": about.get("types"),
    }
    if form == "files":
        return _write_files(target, files, record)
    if record["format"] == "safetensors":
        files = {"data/model.pth": _module(workspace, view["name"], by)}
    metadata = {"partita": {"name": view["name"], "metrics": view["metrics"], "tags": view["tags"], "run": view["run"]}}
    written = write_mlflow(target, record, files, metadata)
    model, _, moves = workspace.model(view["model"])
    card = target / "README.md"
    card.write_text(
        markdown_card(gather(view, model, moves, workspace.model_version(view["name"])[1])), encoding="utf-8"
    )
    return sorted([*written, card])


def _write_files(target: Path, files: dict[str, bytes], record: dict[str, Any]) -> list[Path]:
    import json

    target.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (target / Path(name).name).write_bytes(data)
    about = target / "partita-model.json"
    about.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return sorted([about, *(target / Path(name).name for name in files)])


def _module(workspace: LocalWorkspace, name: str, by: str) -> bytes:
    """A worker writes it: a module is opened only there."""
    from partita.workspace.runs import Run

    run = Run(workspace, workspace.launch("partita.models.importing:export_module", texts={"name": name}, by=by))
    found = run.result()
    if not isinstance(found, bytes):
        raise ModelError(f"{name} could not be written by a worker")
    return found


def _files(workspace: LocalWorkspace, node: Node) -> dict[str, bytes]:
    if node[0] == PLAIN:
        return dict(node[1])
    if node[0] != DICT:
        raise DamagedError("the files of a stored model are none")
    return {name: _bytes(workspace, item) for name, item in zip(node[1], node[2], strict=True)}


def _bytes(workspace: LocalWorkspace, node: Node) -> bytes:
    if node[0] == PLAIN:
        return bytes(node[1])
    if node[0] not in (INLINE, BLOB):
        raise ModelError("this model is kept part by part and has no file; `models.load` in Python gives it")
    data = bytes(node[2]) if node[0] == INLINE else workspace.blobs.get(node[2])
    if node[1] not in _SIGNED:
        return data
    length = signer_of(workspace.state).check(data)
    if length is None:
        raise DamagedError(
            "a file of the model is not signed with this workspace's key: it was changed, or made elsewhere"
        )
    return data[length:]


def _plain(workspace: LocalWorkspace, node: Node) -> Any:
    from partita.artifacts.codecs.plain import plain_value

    return plain_value(node, workspace.blobs)
