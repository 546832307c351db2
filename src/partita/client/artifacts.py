"""Calls about artifacts and models."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from partita.client.calls import LONG_S, Calls
from partita.client.transport import quoted
from partita.protocol.artifacts import ArtifactView, BlobFault, FoundArtifact, LineageView
from partita.protocol.models import ModelView, MoveView, VersionView

__all__ = ["ArtifactCalls", "ModelCalls"]


class ArtifactCalls(Calls):
    """Artifacts. One is named "RUN:train/fit[3].model", or by the beginning of its hash."""

    def artifacts(
        self, *, run: str = "", flow: str = "", kind: str = "", least_bytes: int = 0, since: float | None = None,
        before: float | None = None, limit: int | None = None,
    ) -> Iterator[ArtifactView]:  # fmt: skip
        """Values that steps made, the newest run first, a page at a time as they are taken."""
        query = {
            "run": run or None, "flow": flow or None, "kind": kind or None, "least_bytes": least_bytes or None,
            "since": since, "before": before,
        }  # fmt: skip
        return self._pages("/artifacts", query, limit)

    def artifact(self, name: str) -> FoundArtifact:
        """One artifact, with its parts."""
        found = self._get("/artifacts/one", name=name)
        return cast("FoundArtifact", {**found, "node": b64decode(found["node"])})

    def preview(self, name: str) -> dict[str, Any]:
        """What a worker kept of an artifact for people to see."""
        return cast("dict[str, Any]", self._get("/artifacts/preview", name=name))

    def artifact_record(self, digest: str) -> dict[str, Any] | None:
        """What a worker kept of a blob for people to see; None: nothing."""
        return cast("dict[str, Any] | None", self._get(f"/artifacts/blobs/{quoted(digest)}/record"))

    def artifacts_fault(self) -> str:
        """Why large values cannot be kept where the server's settings say; empty: they can."""
        return str(self._get("/artifacts/fault")["fault"])

    def lineage(self, name: str, *, ways: str = "both", depth: int = 20, limit: int = 200) -> LineageView:
        """What an artifact came from ("up"), what came of it ("down"), or both, across runs."""
        return cast("LineageView", self._get("/artifacts/lineage", name=name, ways=ways, depth=depth, limit=limit))

    def download(self, name: str, target: Path | str | None = None, *, raw: bool = False) -> Path:
        """Write an artifact to a file, of several values to an archive; gives the file."""
        place = Path(target) if target is not None else None
        return self._download("/artifacts/files", {"name": name, "raw": raw}, place)

    def download_blob(self, digest: str, target: Path) -> Path:
        """Write the bytes of a blob to a file."""
        return self._download(f"/artifacts/blobs/{quoted(digest)}", {}, target)

    def verify_artifacts(self, names: Sequence[str] = (), *, repair: bool = False) -> tuple[int, int, list[BlobFault]]:
        """Compare blobs with their hashes. Gives how many, their bytes, and what is wrong."""
        told = self._post("/artifacts/verify", {"names": list(names), "repair": repair}, timeout_s=LONG_S)
        return told["blobs"], told["bytes"], told["faults"]

    def collect_artifacts(
        self, *, older_than_s: float | None = None, dry_run: bool = False, local_copies: bool = False
    ) -> dict[str, Any]:
        """Remove blobs, bundles, logs and checkpoints that nothing needs and that are old enough."""
        body = {"older_than_s": older_than_s, "dry_run": dry_run, "local_copies": local_copies}
        return cast("dict[str, Any]", self._post("/artifacts/collect", body, timeout_s=LONG_S))


class ModelCalls(Calls):
    """Models. A version is named "churn" (the latest), "churn:3" or "churn@champion"."""

    def models(self) -> list[ModelView]:
        """All models, by name."""
        return cast("list[ModelView]", self._get("/models"))

    def model(self, name: str, *, limit: int = 100) -> tuple[ModelView, list[VersionView], list[MoveView]]:
        """A model with its newest versions and what was done to its aliases, the latest first."""
        told = self._get(f"/models/{quoted(name)}", limit=limit)
        return told["model"], told["versions"], told["moves"]

    def model_version(self, name: str) -> tuple[VersionView, dict[str, dict[str, Any]]]:
        """A version, and what was found out about it by the name of the data."""
        told = self._get(f"/models/{quoted(name)}/version")
        return told["version"], told["evaluations"]

    def model_lineage(self, name: str) -> LineageView | None:
        """The steps that a version came from; None: no run registered it, or that is not there any more."""
        return cast("LineageView | None", self._get(f"/models/{quoted(name)}/lineage"))

    def judge_model(self, name: str, alias: str) -> list[dict[str, Any]]:
        """What the gates of an alias say of a version, without moving anything."""
        return cast("list[dict[str, Any]]", self._get(f"/models/{quoted(name)}/aliases/{quoted(alias)}/verdicts"))

    def model_card(self, name: str, *, html: bool = False) -> str:
        """What is known of a version, as a page in Markdown or HTML."""
        query = {"form": "html" if html else "markdown"}
        answer = self._transport.send("GET", f"/models/{quoted(name)}/card", query, headers={"accept": "text/*"})
        try:
            return answer.read().decode("utf-8", "replace")
        finally:
            answer.release_conn()

    def download_model(self, name: str, target: Path | str | None = None, *, form: str = "mlflow") -> Path:
        """Write a version in MLflow's format ("mlflow") or its own files ("files") to an archive; gives the file."""
        place = Path(target) if target is not None else None
        return self._download(f"/models/{quoted(name)}/files", {"form": form}, place)

    def promote_model(
        self, name: str, alias: str, *, gates: Sequence[str] | None = None, why: str = "", force: bool = False,
        approved: str | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Let an alias name a version, if its gates are met; gives their verdicts."""
        body = {"gates": None if gates is None else list(gates), "why": why, "force": force, "approved": approved}
        # Asked again after an answer that was lost it would undo what somebody did to the alias meanwhile.
        told = self._put(f"/models/{quoted(name)}/aliases/{quoted(alias)}", body, is_repeatable=False)
        return cast("list[dict[str, Any]]", told)

    def rollback_model(self, name: str, alias: str, *, why: str = "") -> str:
        """Let an alias name what it named before; gives that version."""
        return str(self._post(f"/models/{quoted(name)}/aliases/{quoted(alias)}/rollback", {"why": why})["version"])

    def remove_alias(self, name: str, alias: str, *, why: str = "") -> None:
        """Take an alias from a model."""
        path = f"/models/{quoted(name)}/aliases/{quoted(alias)}"
        self._transport.json("DELETE", path, {"why": why or None}, is_repeatable=False)

    def set_gates(self, name: str, alias: str, gates: Sequence[str]) -> list[str]:
        """Say what has to hold before a version of a model gets an alias."""
        told = self._put(f"/models/{quoted(name)}/aliases/{quoted(alias)}/gates", {"gates": list(gates)})
        return cast("list[str]", told["gates"])

    def describe_model(
        self, name: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Say something of a model, or, where a version is named, of that."""
        self._post(f"/models/{quoted(name)}/description", {"description": description, "tags": dict(tags or {})})

    def delete_version(self, name: str) -> None:
        """Forget a version that no alias names."""
        self._delete(f"/models/{quoted(name)}")
