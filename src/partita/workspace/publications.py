"""What clients ask of published flows: a part of the port of workspaces, and how it is answered on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from partita.core.standing import said
from partita.protocol.publications import (
    CiReport,
    FlowDiffView,
    GateStateView,
    PromotionView,
    PublicationView,
    SourceView,
    StageMoveView,
    StageView,
    checked_flow_name,
    checked_stage,
    parse_publication,
)
from partita.protocol.requests import NO_KEY, LaunchKey, LaunchRequest
from partita.settings_publishing import GateSettings
from partita.workspace.naming import me

if TYPE_CHECKING:
    from partita.publishing.pushes import Push
    from partita.workspace.gates import Asker
    from partita.workspace.local import LocalWorkspace

__all__ = ["LocalPublications", "Publications"]


class Publications(Protocol):
    """The published flows of a workspace.

    A version is named "train" (what the last of the setting `stages` has, or the newest), "train@3", "train@staging" or
    "train@latest".
    """

    def publish(
        self, flow: str, *, name: str = "", note: str = "", by: str = "", bundle: str = "", source: SourceView | None = None
    ) -> PublicationView:  # fmt: skip
        """Publish a flow of the project as it is now, or of a bundle that was received; equal to the newest version: that.

        Where the code of a bundle was, `source` says; nobody looks whether that is so.

        Where the setting `gates` asks for something on publishing, the version counts (`lacks` is empty) once that is met:
        `gates` tells, and names the run that finds out.
        """
        ...

    def publications(
        self, name: str = "", before: int = 0, limit: int = 50, *, after: str = ""
    ) -> list[PublicationView]:
        """Versions of a flow, the newest first, from below `before`; without a name the newest of each, by name from `after`."""
        ...

    def publication(self, name_at_version: str) -> PublicationView:
        """A version, with its graph."""
        ...

    def publication_diff(self, name: str, a: int | str, b: int | str) -> FlowDiffView:
        """What the version `b` of a flow changes against `a`; each a number, a stage or "latest"."""
        ...

    def retire_publication(self, name_at_version: str) -> None:
        """Let no run be started of a version any more; its runs go on."""
        ...

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
        """Start a run of a version; gives its id. The run keeps that version whatever a stage gets meanwhile."""
        ...

    def stages(self, name: str) -> list[StageView]:
        """The stages of the settings, and others that the flow has, with the version that each has."""
        ...

    def promote(
        self, name: str, version: int | str, stage: str, *, why: str = "", by: str = "", gates: GateSettings | None = None,
        force: bool = False,
    ) -> PromotionView:  # fmt: skip
        """Let a stage have a version: at once, or, where gates are asked, by a run that checks them and moves it then.

        `gates` counts instead of the setting; `force` asks none, and needs a reason.
        """
        ...

    def roll_back(self, name: str, stage: str, *, why: str = "", by: str = "") -> StageMoveView:
        """Let a stage have the version that it had before, without asking a gate."""
        ...

    def stage_moves(self, name: str, *, stage: str = "", before: int = 0, limit: int = 100) -> list[StageMoveView]:
        """What was done to the stages of a flow, the latest first."""
        ...

    def gates(self, name_at_version: str, stage: str = "") -> GateStateView:
        """How a version stands before a stage; before it counted as published, without one."""
        ...

    def check_gates(self, name_at_version: str, stage: str = "", *, by: str = "") -> str:
        """Check the gates of a version again and move nothing; gives the run's id, or "" where none are asked."""
        ...

    def receive_bundle(self, archive: bytes | Path) -> str:
        """Keep code that was packed elsewhere; gives its hash, which is computed from what it holds.

        Raises:
            PublishError: it is no archive of code: too large, or with links, devices or paths that lead out of it.
        """
        ...

    def bundle_archive(self, hash: str) -> bytes:
        """The code of a bundle as an archive that `receive_bundle` takes."""
        ...

    def publish_push(self, push: Push) -> CiReport:
        """Fetch the commit of a push from the repository that the settings name, and publish by its rules."""
        ...


class LocalPublications:
    """A part of `LocalWorkspace`."""

    @property
    def _here(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    def publish(
        self, flow: str, *, name: str = "", note: str = "", by: str = "", bundle: str = "", source: SourceView | None = None
    ) -> PublicationView:  # fmt: skip
        from partita.workspace.publishing import publish_flow

        return publish_flow(self._here, flow, name=name, note=note, by=by or me(), bundle=bundle, source=source)

    def publications(
        self, name: str = "", before: int = 0, limit: int = 50, *, after: str = ""
    ) -> list[PublicationView]:
        if not self._here.state.exists():
            return []
        found: list[PublicationView] = self._here.ask(
            "publications", name=name, before=before, limit=limit, after=after
        )
        return found

    def publication(self, name_at_version: str) -> PublicationView:
        parse_publication(name_at_version)
        self._here._need_state()
        found: PublicationView = self._here.ask("publication_find", name=name_at_version, stage=self._last)
        return found

    @property
    def _last(self) -> str:
        """The stage that a name without a version means."""
        return self._here.settings.stages[-1]

    def publication_diff(self, name: str, a: int | str, b: int | str) -> FlowDiffView:
        from partita.workspace.publishing import differences

        checked_flow_name(name)
        return differences(self._here, self.publication(f"{name}@{a}"), self.publication(f"{name}@{b}"))

    def retire_publication(self, name_at_version: str) -> None:
        self._here._need_state()
        self._here.ask("publication_retire", name=name_at_version)

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
        asked: str = "",
        by: str = "",
    ) -> str:
        parse_publication(name_at_version)
        self._here._need_state()
        request: LaunchRequest = {
            "flow": name_at_version, "publication": name_at_version, "stage": self._last, "texts": texts or {},
            "tags": list(tags), "key": key, "refresh": refresh,
        }  # fmt: skip
        if key and asked:
            request["asked"] = asked
        if executor or self._here.settings.executor:
            request["executor"] = executor or self._here.settings.executor
        if by:
            request["user"] = by
        request.update(said({"owner": owner, "weight": weight, "priority": priority}))  # type: ignore[typeddict-item]
        return self._here.start(request)

    def stages(self, name: str) -> list[StageView]:
        self._here._need_state()
        held: Mapping[str, StageView] = {item["stage"]: item for item in self._here.ask("stages", name=name)}
        names = [*self._here.settings.stages, *(stage for stage in held if stage not in self._here.settings.stages)]
        empty = StageView(stage="", number=0, version="", moved_at=None, by="", why="")
        return [held.get(stage, {**empty, "stage": stage}) for stage in names]

    def promote(
        self, name: str, version: int | str, stage: str, *, why: str = "", by: str = "", gates: GateSettings | None = None,
        force: bool = False, once: LaunchKey = NO_KEY, asker: Asker | None = None,
    ) -> PromotionView:  # fmt: skip
        from partita.workspace.gates import promote

        checked_stage(stage, self._here.settings.stages)
        self._here._need_state()
        return promote(
            self._here, name, version, stage, why=why, by=by or me(), gates=gates, force=force, once=once, asker=asker
        )

    def roll_back(
        self, name: str, stage: str, *, why: str = "", by: str = "", once: LaunchKey = NO_KEY
    ) -> StageMoveView:
        self._here._need_state()
        moved: StageMoveView = self._here.ask(
            "stage_back", name=name, stage=stage, why=why, by=by or me(), key=once.key, asked=once.asked
        )
        return moved

    def stage_moves(self, name: str, *, stage: str = "", before: int = 0, limit: int = 100) -> list[StageMoveView]:
        self._here._need_state()
        found: list[StageMoveView] = self._here.ask("stage_moves", name=name, stage=stage, before=before, limit=limit)
        return found

    def gates(self, name_at_version: str, stage: str = "") -> GateStateView:
        from partita.workspace.gates import gate_state

        self._here._need_state()
        return gate_state(self._here, name_at_version, stage)

    def check_gates(self, name_at_version: str, stage: str = "", *, by: str = "", once: LaunchKey = NO_KEY) -> str:
        from partita.workspace.gates import check_gates

        self._here._need_state()
        return check_gates(self._here, name_at_version, stage, by=by or me(), once=once)

    def has_gates(self, name: str, stage: str) -> bool:
        """Whether a promotion is a run, because the settings ask for something before the stage."""
        from partita.publishing.gates import settings_of

        return settings_of(self._here.settings.gates, name, stage) is not None

    def receive_bundle(self, archive: bytes | Path) -> str:
        from partita.workspace.publishing import keep_bundle

        return keep_bundle(self._here, archive)

    def bundle_archive(self, hash: str) -> bytes:
        from partita.artifacts.code.archive import pack_archive
        from partita.workspace.publishing import bundle_folder

        return pack_archive(bundle_folder(self._here, hash))

    def publish_push(self, push: Push) -> CiReport:
        from partita.workspace.ci import publish_push

        return publish_push(self._here, push)
