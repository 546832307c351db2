"""What clients ask of the model registry: a part of the port of workspaces, and how it is answered on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from partita.errors import ModelError, NotFoundError
from partita.protocol.artifacts import LineageView
from partita.protocol.models import DATA, ModelView, MoveView, VersionView, parse_name
from partita.values import unpack
from partita.workspace.naming import me

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["LocalModels", "Models"]


class Models(Protocol):
    """The models of a workspace. A version is named "churn" (the latest), "churn:3" or "churn@champion"."""

    def models(self) -> list[ModelView]:
        """All of them, by name."""
        ...

    def model(self, name: str, *, limit: int = 100) -> tuple[ModelView, list[VersionView], list[MoveView]]:
        """A model with its newest versions and what was done to its aliases, the latest first."""
        ...

    def model_version(self, name: str) -> tuple[VersionView, dict[str, dict[str, Any]]]:
        """A version, and what was found out about it by the name of the data."""
        ...

    def promote_model(
        self, name: str, alias: str, *, gates: Sequence[str] | None = None, why: str = "", force: bool = False,
        approved: str | None = None, by: str = "",
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Let an alias name a version, if its gates are met; gives their verdicts. `approved` is the comment of an approval."""
        ...

    def rollback_model(self, name: str, alias: str, *, why: str = "", by: str = "") -> str:
        """Let an alias name what it named before; gives that version."""
        ...

    def set_alias(self, name: str, alias: str, *, why: str = "", by: str = "") -> None:
        """Let an alias name a version without asking a gate."""
        ...

    def remove_alias(self, name: str, alias: str, *, why: str = "", by: str = "") -> None:
        """Take an alias from a model."""
        ...

    def set_gates(self, name: str, alias: str, gates: Sequence[str]) -> list[str]:
        """Say what has to hold before a version of a model gets an alias."""
        ...

    def describe_model(
        self, name: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Say something of a model, or, where a version is named, of that; a tag of no text is taken away."""
        ...

    def delete_version(self, name: str) -> None:
        """Forget a version that no alias names."""
        ...

    def model_card(self, name: str, *, html: bool = False) -> str:
        """What is known of a version, as a page in Markdown or HTML."""
        ...

    def model_lineage(self, name: str) -> LineageView | None:
        """The steps that a version came from; None: no run registered it, or that is not there any more."""
        ...

    def judge_model(self, name: str, alias: str) -> list[dict[str, Any]]:
        """What the gates of an alias say of a version, without moving anything."""
        ...

    def export_model(self, name: str, target: Path, *, form: str = "mlflow") -> list[Path]:
        """Write a version in MLflow's format ("mlflow"), or its own files ("files"); gives the files."""
        ...

    def import_model(self, source: Path, name: str, *, trust: bool = False) -> str:
        """Register a model of MLflow's format or a file of a safe one; gives the version. A worker opens it."""
        ...


class LocalModels:
    """A part of `LocalWorkspace`."""

    @property
    def _local(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    def models(self) -> list[ModelView]:
        if not self._local.state.exists():
            return []
        found: list[ModelView] = self._local.ask("models")
        return found

    def model(self, name: str, *, limit: int = 100) -> tuple[ModelView, list[VersionView], list[MoveView]]:
        self._local._need_state()
        name = parse_name(name).name
        ask = self._local.ask
        return ask("models", name=name)[0], ask("model_versions", name=name, limit=limit), ask("model_moves", name=name)

    def model_version(self, name: str) -> tuple[VersionView, dict[str, dict[str, Any]]]:
        from partita.artifacts.codecs.plain import plain_value

        self._local._need_state()
        view: VersionView = self._local.ask("model_find", name=name)["version"]
        found = self._local.ask("model_evaluations", name=view["model"], number=view["number"])
        return view, {item["title"]: plain_value(unpack(item["value"]), self._local.blobs) for item in found}

    def promote_model(
        self, name: str, alias: str, *, gates: Sequence[str] | None = None, why: str = "", force: bool = False,
        approved: str | None = None, by: str = "",
    ) -> list[dict[str, Any]]:  # fmt: skip
        from partita.models.promotion import promote

        approval = None if approved is None else {"by": by or me(), "comment": approved}
        with self._asking(by):
            found = promote(name, alias, gates=gates, why=why, force=force, approval=approval)
        return [dict(verdict) for verdict in found]

    def rollback_model(self, name: str, alias: str, *, why: str = "", by: str = "") -> str:
        from partita.models.promotion import rollback

        with self._asking(by):
            return str(rollback(name, alias, why=why))

    def set_alias(self, name: str, alias: str, *, why: str = "", by: str = "") -> None:
        from partita.models.promotion import promote

        with self._asking(by):
            promote(name, alias, gates=(), why=why)

    def remove_alias(self, name: str, alias: str, *, why: str = "", by: str = "") -> None:
        self._local._need_state()
        before = self._local.ask("models", name=name)[0]["aliases"].get(alias, 0)
        if not before:
            raise NotFoundError(f"the model {name} has no alias {alias!r}")
        move = {"name": name, "alias": alias, "before": before, "after": 0, "why": why, "record": {}}
        self._local.ask("model_change", what="move", fields=move, by=by or me())

    def set_gates(self, name: str, alias: str, gates: Sequence[str]) -> list[str]:
        from partita.models.promotion import set_gates

        with self._asking(""):
            return set_gates(name, alias, gates)

    def describe_model(
        self, name: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        self._local._need_state()
        asked = parse_name(name)
        if not asked.number and not asked.alias:
            self._local.ask("model_describe", name=asked.name, description=description, tags=dict(tags or {}))
            return
        view = self._local.ask("model_find", name=name)["version"]
        note = {
            "name": view["model"], "number": view["number"], "metrics": {}, "data": DATA, "tags": dict(tags or {}),
            "description": description or "",
        }  # fmt: skip
        self._local.ask("model_change", what="note", fields=note, by=me())

    def delete_version(self, name: str) -> None:
        self._local._need_state()
        if not parse_name(name).number:
            raise NotFoundError(f"{name!r} names no version by its number; write {parse_name(name).name}:3")
        self._local.ask("model_delete", name=name)

    def model_card(self, name: str, *, html: bool = False) -> str:
        from partita.models.cards import gather, html_card, markdown_card

        view, found = self.model_version(name)
        model, _, moves = self.model(view["model"])
        told = self._lineage_of(view)
        card = gather(view, model, moves, found, [dict(node) for node in told["nodes"]] if told is not None else [])
        return html_card(card) if html else markdown_card(card)

    def model_lineage(self, name: str) -> LineageView | None:
        self._local._need_state()
        view: VersionView = self._local.ask("model_find", name=name)["version"]
        return self._lineage_of(view)

    def judge_model(self, name: str, alias: str) -> list[dict[str, Any]]:
        from partita.models.promotion import judged

        with self._asking(""):
            return [dict(verdict) for verdict in judged(name, alias)]

    def _lineage_of(self, view: VersionView) -> LineageView | None:
        """The steps that the version came from, as far as they are there."""
        from partita.workspace.lineage import Lineage

        if not view["run"]:
            return None
        try:
            return Lineage(self._local.ask, 50).of(view["name"], view["run"], view["step"], [], 20, "up")
        except NotFoundError:
            return None

    def export_model(self, name: str, target: Path, *, form: str = "mlflow", by: str = "") -> list[Path]:
        from partita.workspace.model_files import export_model

        self._local._need_state()
        found = self._local.ask("model_find", name=name)
        return export_model(self._local, found["version"], unpack(found["value"]), target, form, by)

    def import_model(self, source: Path, name: str, *, trust: bool = False) -> str:
        from partita.workspace.runs import Run

        if not source.exists():
            raise NotFoundError(f"there is no {source}; give the folder of an MLflow model, or a file of a model")
        texts = {"source": str(source.resolve()), "name": name, "trust": "true" if trust else "false"}
        run = Run(self._local, self._local.launch("partita.models.importing:import_model", texts=texts))
        told = str(run.result())
        if ":" not in told:
            raise ModelError(f"{source} was not registered: {told}")
        return told

    @contextmanager
    def _asking(self, by: str) -> Iterator[None]:
        """Have what is asked inside of the registry go to this workspace, in somebody's name."""
        from partita.flow.launching import launching
        from partita.workspace.runs import LocalLauncher

        self._local._need_state()
        launcher = LocalLauncher(self._local)
        launcher.by = by
        with launching(launcher):
            yield
