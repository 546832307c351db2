"""Artifacts, models, studies and access of a server's workspace: parts of `RemoteWorkspace`."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from partita.client.blobs import ServerBlobs
from partita.client.client import Client
from partita.errors import NotFoundError, RequestError, ValueStoreError
from partita.protocol.access import Actor, AuditEntry, Identity, MeView, NewToken, SessionView, TokenView, UserView
from partita.protocol.artifacts import ArtifactView, BlobFault, FoundArtifact, LineageView
from partita.protocol.models import ModelView, MoveView, VersionView
from partita.protocol.studies import StudyView, TuneRequest
from partita.values import unpack
from partita.workspace.access import IDLE_S, LIFETIME_S
from partita.workspace.artifacts import Progress
from partita.workspace.studies import ShowStudy

__all__ = ["RemoteAccess", "RemoteArtifacts", "RemoteModels", "RemoteStudies", "cannot"]

#: Seconds between two looks at a study.
_LOOK_S = 0.5
#: Seconds for which a study that was stopped may take to let go.
_STOPPING_S = 30.0


def cannot(what: str, why: str) -> RequestError:
    """The error of what only works where the project lies."""
    return RequestError(f"{what} cannot be done on a server: {why}; do it in the project's folder, without --server")


class RemoteArtifacts:
    """Artifacts, runs that are deleted or compared."""

    client: Client

    def artifacts(
        self, *, run: str = "", flow: str = "", kind: str = "", least_bytes: int = 0, since: float | None = None,
        before: float | None = None, limit: int | None = None,
    ) -> list[ArtifactView]:  # fmt: skip
        return list(
            self.client.artifacts(
                run=run, flow=flow, kind=kind, least_bytes=least_bytes, since=since, before=before, limit=limit
            )
        )

    def artifact(self, name: str) -> FoundArtifact:
        return self.client.artifact(name)

    def artifact_record(self, digest: str) -> dict[str, Any] | None:
        return self.client.artifact_record(digest)

    def artifacts_fault(self) -> str:
        return self.client.artifacts_fault()

    def lineage(self, name: str, *, ways: str = "both", depth: int = 20, limit: int = 200) -> LineageView:
        return self.client.lineage(name, ways=ways, depth=depth, limit=limit)

    def get_artifact(self, name: str, target: Path | None = None, *, raw: bool = False) -> list[Path]:
        from partita.workspace.writing import file_stem, write_artifact

        found = self.client.artifact(name)
        with ServerBlobs(self.client) as blobs:
            return write_artifact(blobs, unpack(found["node"]), file_stem(found["view"]), target, is_raw=raw)

    def verify_artifacts(
        self, names: Sequence[str] = (), *, repair: bool = False, progress: Progress | None = None
    ) -> tuple[int, int, list[BlobFault]]:
        blobs, size, faults = self.client.verify_artifacts(names, repair=repair)
        if progress is not None:
            progress(blobs, blobs, size)
        return blobs, size, faults

    def collect_artifacts(
        self, *, older_than_s: float | None = None, dry_run: bool = False, local_copies: bool = False
    ) -> dict[str, Any]:
        return self.client.collect_artifacts(older_than_s=older_than_s, dry_run=dry_run, local_copies=local_copies)

    def prunable_runs(
        self, *, runs: Sequence[str] = (), flow: str = "", states: Sequence[str] = (), before: float | None = None,
        keep: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        return self.client.prunable_runs(runs=runs, flow=flow, states=states, before=before, keep=keep)

    def delete_run(self, run: str) -> int:
        return self.client.delete_run(run)

    def compare_runs(self, one: str, other: str) -> dict[str, Any]:
        return self.client.compare_runs(one, other)


class RemoteModels:
    """Models."""

    client: Client

    def models(self) -> list[ModelView]:
        return self.client.models()

    def model(self, name: str, *, limit: int = 100) -> tuple[ModelView, list[VersionView], list[MoveView]]:
        return self.client.model(name, limit=limit)

    def model_version(self, name: str) -> tuple[VersionView, dict[str, dict[str, Any]]]:
        return self.client.model_version(name)

    def model_lineage(self, name: str) -> LineageView | None:
        return self.client.model_lineage(name)

    def judge_model(self, name: str, alias: str) -> list[dict[str, Any]]:
        return self.client.judge_model(name, alias)

    def promote_model(
        self, name: str, alias: str, *, gates: Sequence[str] | None = None, why: str = "", force: bool = False,
        approved: str | None = None, by: str = "",
    ) -> list[dict[str, Any]]:  # fmt: skip
        return self.client.promote_model(name, alias, gates=gates, why=why, force=force, approved=approved)

    def rollback_model(self, name: str, alias: str, *, why: str = "", by: str = "") -> str:
        return self.client.rollback_model(name, alias, why=why)

    def set_alias(self, name: str, alias: str, *, why: str = "", by: str = "") -> None:
        self.client.promote_model(name, alias, gates=(), why=why)

    def remove_alias(self, name: str, alias: str, *, why: str = "", by: str = "") -> None:
        self.client.remove_alias(name, alias, why=why)

    def set_gates(self, name: str, alias: str, gates: Sequence[str]) -> list[str]:
        return self.client.set_gates(name, alias, gates)

    def describe_model(
        self, name: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        self.client.describe_model(name, description=description, tags=tags)

    def delete_version(self, name: str) -> None:
        self.client.delete_version(name)

    def model_card(self, name: str, *, html: bool = False) -> str:
        return self.client.model_card(name, html=html)

    def export_model(self, name: str, target: Path, *, form: str = "mlflow") -> list[Path]:
        with TemporaryDirectory(prefix="partita-model-") as folder:
            return _unpacked(self.client.download_model(name, Path(folder), form=form), target)

    def import_model(self, source: Path, name: str, *, trust: bool = False) -> str:
        raise cannot("importing a model", "its files lie here, and a worker there would open them")


def _unpacked(archive: Path, target: Path) -> list[Path]:
    """Write what an archive holds into a folder, without the one that all of it lies in."""
    files: list[Path] = []
    try:
        if not zipfile.is_zipfile(archive):
            place = target / archive.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(archive.read_bytes())
            return [place]
        with zipfile.ZipFile(archive) as held:
            for item in held.infolist():
                name = item.filename.partition("/")[2]
                place = Path(os.path.normpath(target / name))
                if item.is_dir() or not name or not place.is_relative_to(os.path.normpath(target)):
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(held.read(item))
                files.append(place)
    except OSError as error:
        raise ValueStoreError(f"{error.filename or target} cannot be written: {error.strerror}") from None
    return files


class RemoteStudies:
    """Studies; the server is at them, and this process looks on."""

    client: Client

    def tune(self, request: TuneRequest, show: ShowStudy) -> StudyView:
        given: dict[str, Any] = {name: value for name, value in request.items() if name not in ("flow", "texts")}
        view = self.client.tune(request.get("flow", ""), request.get("texts", {}), **given)
        stopped_at: float | None = None
        while view["state"] == "running":
            if show(view) is False and stopped_at is None:
                self.client.stop_study(view["name"])
                stopped_at = time.monotonic()
            if stopped_at is not None and time.monotonic() - stopped_at > _STOPPING_S:
                break
            time.sleep(_LOOK_S)
            view = self.client.study(view["name"])
        show(view)
        return self.client.study(view["name"])

    def study_file(self, file: Path) -> TuneRequest:
        from partita.tune.files import read_study

        return read_study(file)

    def studies(self) -> list[StudyView]:
        return self.client.studies()

    def study(self, name: str, *, importance: bool = False) -> StudyView:
        return self.client.study(name, importance=importance)

    def remove_study(self, name: str) -> None:
        self.client.remove_study(name)


class RemoteAccess:
    """Who may. By whom it is done the server knows from the token, so `by` says nothing here."""

    client: Client

    def whoami(self) -> MeView:
        return self.client.me()

    def create_token(
        self, name: str, role: str, *, user: str = "", scopes: Iterable[str] = (), expires_in_s: float | None = None,
        by: Actor | str = "",
    ) -> NewToken:  # fmt: skip
        return self.client.create_token(name, role, user=user, scopes=scopes, expires_in_s=expires_in_s)

    def ensure_admin_token(self, by: Actor | str = "") -> NewToken | None:
        return None  # there is one, or nobody could ask

    def tokens(self, user: str = "") -> list[TokenView]:
        return self.client.tokens(user)

    def revoke_token(self, id: str, by: Actor | str = "") -> TokenView:
        return self.client.revoke_token(id)

    def identify(self, secret: str, address: str = "") -> Identity | None:
        raise cannot("looking a token up", "tokens are told by nobody but who has them")

    def users(self) -> list[UserView]:
        return self.client.users()

    def set_user(
        self,
        name: str,
        role: str,
        source: str = "local",
        subject: str = "",
        *,
        untie: bool = False,
        by: Actor | str = "",
    ) -> UserView:
        if source != "local" or subject:
            raise cannot("tying a person to a provider's account", "that is done when they sign in")
        return self.client.set_user(name, role, untie=untie)

    def disable_user(self, name: str, by: Actor | str = "") -> UserView:
        return self.client.disable_user(name)

    def enable_user(self, name: str, by: Actor | str = "") -> UserView:
        return self.client.enable_user(name)

    def start_session(
        self, user: str, address: str, agent: str, lifetime_s: float = LIFETIME_S, idle_s: float = IDLE_S
    ) -> tuple[SessionView, str]:
        raise cannot("signing a browser in", "the browser does that itself")

    def start_token_session(
        self, token: str, address: str, agent: str, lifetime_s: float = LIFETIME_S, idle_s: float = IDLE_S
    ) -> tuple[SessionView, str] | None:
        raise cannot("signing a browser in", "the browser does that itself")

    def session(self, secret: str) -> tuple[SessionView, Identity] | None:
        raise cannot("looking a session up", "sessions are told by nobody but who has them")

    def sessions(self, user: str = "") -> list[SessionView]:
        return self.client.sessions(user)

    def end_session(self, id: str, by: Actor | str = "") -> bool:
        try:
            self.client.end_session(id)
        except NotFoundError:
            return False
        return True

    def end_sessions(self, user: str, by: Actor | str = "") -> int:
        return self.client.end_sessions(user)

    def note_audit(
        self, action: str, target: str = "", *, outcome: str = "done", data: dict[str, Any] | None = None,
        by: Actor | str = "",
    ) -> None:  # fmt: skip
        raise cannot("adding to the audit", "it is the server that notes what is done there")

    def audit(
        self, *, before: int = 0, after: int | None = None, who: str = "", action: str = "", target: str = "",
        since: float = 0.0, until: float = 0.0, limit: int = 100,
    ) -> list[AuditEntry]:  # fmt: skip
        if after is not None:
            raise cannot("following the audit", "the server gives it from the newest entry on")
        found = self.client.audit(
            who=who, action=action, target=target, since=since, until=until, limit=limit, before=before
        )
        return list(found)
