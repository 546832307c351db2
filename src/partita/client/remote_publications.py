"""Published flows, secrets and backups of a server's workspace: parts of `RemoteWorkspace`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from partita.client.client import Client
from partita.client.remote_parts import cannot
from partita.protocol.access import Actor
from partita.protocol.publications import (
    CiReport,
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
from partita.settings_publishing import GateSettings
from partita.workspace.backup.reports import BackupReport, RestoreReport
from partita.workspace.backups import Progress

if TYPE_CHECKING:
    from partita.publishing.pushes import Push

__all__ = ["RemoteBackups", "RemotePublications", "RemoteSecrets"]


class RemotePublications:
    """Published flows. Who does it the server knows from the token."""

    client: Client

    def publish(
        self, flow: str, *, name: str = "", note: str = "", by: str = "", bundle: str = "", source: SourceView | None = None
    ) -> PublicationView:  # fmt: skip
        return self.client.publish(flow, name=name, note=note, bundle=bundle, source=source)

    def publications(
        self, name: str = "", before: int = 0, limit: int = 50, *, after: str = ""
    ) -> list[PublicationView]:
        if not name:
            return list(self.client.publications_after(after, limit))
        return list(self.client.publications(name, limit=limit, before=before))

    def publication(self, name_at_version: str) -> PublicationView:
        return self.client.publication(name_at_version)

    def publication_diff(self, name: str, a: int | str, b: int | str) -> FlowDiffView:
        return self.client.publication_diff(name, a, b)

    def retire_publication(self, name_at_version: str) -> None:
        self.client.retire_publication(name_at_version)

    def launch_published(
        self,
        name_at_version: str,
        texts: dict[str, str] | None = None,
        *,
        executor: str = "",
        tags: Sequence[str] = (),
        key: str = "",
        refresh: bool = False,
        owner: str = "",
        weight: float | None = None,
        priority: int | None = None,
    ) -> str:
        view = self.client.launch(
            name_at_version, texts, executor=executor, tags=tags, key=key, refresh=refresh, owner=owner, weight=weight,
            priority=priority,
        )  # fmt: skip
        return view["id"]

    def stages(self, name: str) -> list[StageView]:
        return self.client.stages(name)

    def promote(
        self, name: str, version: int | str, stage: str, *, why: str = "", by: str = "", gates: GateSettings | None = None,
        force: bool = False,
    ) -> PromotionView:  # fmt: skip
        if gates is not None:
            raise cannot("asking other gates", "the server asks those of its settings")
        return self.client.promote(name, version, stage, why=why, force=force)

    def roll_back(self, name: str, stage: str, *, why: str = "", by: str = "") -> StageMoveView:
        return self.client.roll_back(name, stage, why=why)

    def stage_moves(self, name: str, *, stage: str = "", before: int = 0, limit: int = 100) -> list[StageMoveView]:
        return list(self.client.stage_moves(name, stage=stage, limit=limit, before=before))

    def gates(self, name_at_version: str, stage: str = "") -> GateStateView:
        return self.client.gates(name_at_version, stage)

    def check_gates(self, name_at_version: str, stage: str = "", *, by: str = "") -> str:
        return self.client.check_gates(name_at_version, stage)

    def receive_bundle(self, archive: bytes | Path) -> str:
        return self.client.upload_bundle(archive)

    def bundle_archive(self, hash: str) -> bytes:
        return self.client.bundle_archive(hash)

    def publish_push(self, push: Push) -> CiReport:
        raise cannot("publishing a push", "the Git service tells the server itself")


class RemoteSecrets:
    """Secrets, and what goes by the setting `retention`."""

    client: Client

    def secrets(self) -> list[SecretView]:
        return self.client.secrets()

    def set_secret(self, name: str, value: str, by: Actor | str = "") -> SecretChange:
        return self.client.set_secret(name, value)

    def remove_secret(self, name: str, by: Actor | str = "") -> None:
        self.client.remove_secret(name)

    def rekey_secrets(self, by: Actor | str = "") -> int:
        return self.client.rekey_secrets()

    def retain(self, *, dry_run: bool = False) -> RetentionRecord:
        return self.client.retain(dry_run=dry_run)

    def retained(self) -> list[RetentionRecord]:
        return self.client.retained()


class RemoteBackups:
    """Backups are made where the workspace lies."""

    client: Client

    def backup(self, place: Path, passphrase: str | None, progress: Progress | None = None) -> BackupReport:
        raise cannot("a backup", "it holds the server's keys, and is written where the workspace lies")

    def restore(
        self, source: Path, into: Path | None, passphrase: str | None, *, snapshot: str = "", replaces: bool = False,
        progress: Progress | None = None,
    ) -> RestoreReport:  # fmt: skip
        raise cannot("restoring a backup", "no server may be at the workspace meanwhile")
