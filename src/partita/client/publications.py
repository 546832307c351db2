"""Calls about published flows, secrets and retention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from partita.client.calls import LONG_S, Calls, idempotent
from partita.client.transport import quoted
from partita.protocol.publications import (
    FlowDiffView,
    GateStateView,
    PromotionView,
    PublicationView,
    SourceView,
    StageMoveView,
    StageView,
)
from partita.protocol.retention import RetentionRecord
from partita.protocol.secrets import SecretChange, SecretView

__all__ = ["PublicationCalls", "SecretCalls"]


class PublicationCalls(Calls):
    """Published flows. A version is named "train", "train@3", "train@staging" or "train@latest"."""

    def publish(
        self, flow: str, *, name: str = "", note: str = "", bundle: str = "", source: SourceView | None = None
    ) -> PublicationView:
        """Publish a flow of the server's project, or of code that was uploaded (`bundle`), which was at `source`."""
        body = {"flow": flow, "name": name, "note": note, "bundle": bundle, "source": source}
        # What is equal to the newest version makes no other one.
        return cast("PublicationView", self._post("/publications", body, timeout_s=LONG_S, is_repeatable=True))

    def publications(self, name: str = "", *, limit: int | None = None, before: int = 0) -> Iterator[PublicationView]:
        """Versions of a flow, the newest first; without a name the newest of each, by name."""
        return self._pages(f"/publications/{quoted(name)}/versions" if name else "/publications", {}, limit, before)

    def publications_after(self, after: str, limit: int) -> Iterator[PublicationView]:
        """The newest version of each flow whose name comes after one, by name."""
        return self._pages("/publications", {}, limit, after)

    def publication(self, name_at_version: str) -> PublicationView:
        """A version, with its graph."""
        return cast("PublicationView", self._get(f"/publications/{quoted(name_at_version)}"))

    def publication_diff(self, name: str, a: int | str, b: int | str) -> FlowDiffView:
        """What the version `b` of a flow changes against `a`."""
        path = f"/publications/{quoted(name)}/difference"
        return cast("FlowDiffView", self._transport.json("GET", path, {"a": a, "b": b}, timeout_s=LONG_S))

    def retire_publication(self, name_at_version: str) -> None:
        """Let no run be started of a version any more."""
        self._delete(f"/publications/{quoted(name_at_version)}")

    def stages(self, name: str) -> list[StageView]:
        """The stages, with the version that each has."""
        return cast("list[StageView]", self._get(f"/publications/{quoted(name)}/stages"))

    def promote(
        self, name: str, version: int | str, stage: str, *, why: str = "", force: bool = False, key: str = ""
    ) -> PromotionView:
        """Let a stage have a version: at once, or by a run that checks its gates; `key` as for a launch."""
        body = {"version": version, "why": why, "force": force}
        path = f"/publications/{quoted(name)}/stages/{quoted(stage)}"
        return cast("PromotionView", self._put(path, body, headers=idempotent(key)))

    def roll_back(self, name: str, stage: str, *, why: str = "", key: str = "") -> StageMoveView:
        """Let a stage have the version that it had before; `key` as for a launch."""
        path = f"/publications/{quoted(name)}/stages/{quoted(stage)}/rollback"
        return cast("StageMoveView", self._post(path, {"why": why}, headers=idempotent(key), is_repeatable=True))

    def stage_moves(
        self, name: str, *, stage: str = "", limit: int | None = None, before: int = 0
    ) -> Iterator[StageMoveView]:
        """What was done to the stages of a flow, the latest first."""
        return self._pages(f"/publications/{quoted(name)}/moves", {"stage": stage or None}, limit, before)

    def gates(self, name_at_version: str, stage: str = "") -> GateStateView:
        """How a version stands before a stage."""
        return cast("GateStateView", self._get(f"/publications/{quoted(name_at_version)}/gates", stage=stage or None))

    def check_gates(self, name_at_version: str, stage: str = "", *, key: str = "") -> str:
        """Check the gates of a version again and move nothing; gives the run, or "" where none are asked."""
        path = f"/publications/{quoted(name_at_version)}/gates/check"
        return str(self._post(path, {"stage": stage}, headers=idempotent(key), is_repeatable=True)["run"])

    def upload_bundle(self, archive: bytes | Path) -> str:
        """Upload code that was packed here; gives its hash there."""
        told: dict[str, Any] = self._transport.json(
            "POST", "/bundles", data=archive, timeout_s=LONG_S, is_repeatable=True
        )
        return str(told["hash"])

    def bundle_archive(self, hash: str) -> bytes:
        """The code of a bundle, as an archive."""
        answer = self._transport.send("GET", f"/bundles/{quoted(hash)}", timeout_s=LONG_S)
        try:
            return bytes(answer.read())
        finally:
            answer.release_conn()


class SecretCalls(Calls):
    """Secrets, by name, and what goes by the setting `retention`."""

    def secrets(self) -> list[SecretView]:
        """All secrets, by name."""
        return cast("list[SecretView]", self._get("/secrets"))

    def set_secret(self, name: str, value: str) -> SecretChange:
        """Store a value, or another one."""
        return cast("SecretChange", self._put(f"/secrets/{quoted(name)}", {"value": value}))

    def remove_secret(self, name: str) -> None:
        """Forget a secret."""
        self._delete(f"/secrets/{quoted(name)}")

    def rekey_secrets(self) -> int:
        """Encrypt all of them anew; gives how many."""
        return int(self._post("/secret-keys")["count"])

    def retained(self) -> list[RetentionRecord]:
        """What went by the setting `retention`, the latest last."""
        return cast("list[RetentionRecord]", self._get("/retention"))

    def retain(self, *, dry_run: bool = False) -> RetentionRecord:
        """Let go of what the setting `retention` says, now."""
        return cast("RetentionRecord", self._post("/retention", {"dry_run": dry_run}, timeout_s=LONG_S))
