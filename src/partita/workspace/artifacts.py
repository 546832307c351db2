"""What clients ask of artifacts: a part of the port of workspaces, and how it is answered on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from partita.errors import DamagedError, NotFoundError, PartitaError
from partita.protocol.artifacts import ArtifactView, BlobFault, FoundArtifact, LineageView
from partita.protocol.retention import RetentionRecord, let_go_at
from partita.values import blobs_of, unpack
from partita.workspace.paging import read_prunable

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Artifacts", "LocalArtifacts"]

Progress = Callable[[int, int, int], None]  # (blobs done, blobs in all, bytes read)


class Artifacts(Protocol):
    """The artifacts of a workspace."""

    def artifacts(
        self, *, run: str = "", flow: str = "", kind: str = "", least_bytes: int = 0, since: float | None = None,
        before: float | None = None, limit: int | None = None,
    ) -> list[ArtifactView]:  # fmt: skip
        """Values that steps made, the newest run first; of one run, a flow, a type or codec, a size, made within times."""
        ...

    def artifact(self, name: str) -> FoundArtifact:
        """One by its name, "RUN:train/fit[3].model", or by the beginning of its hash."""
        ...

    def artifact_record(self, digest: str) -> dict[str, Any] | None:
        """What a worker kept of a blob for people to see: a table's head, a histogram, a small picture; None: nothing."""
        ...

    def artifacts_fault(self) -> str:
        """Why large values cannot be kept where the settings say; empty: they can."""
        ...

    def lineage(self, name: str, *, ways: str = "both", depth: int = 20, limit: int = 200) -> LineageView:
        """What an artifact came from ("up"), what came of it ("down"), or both, across runs."""
        ...

    def get_artifact(self, name: str, target: Path | None = None, *, raw: bool = False) -> list[Path]:
        """Write an artifact to a file or folder; gives the files."""
        ...

    def verify_artifacts(
        self, names: Sequence[str] = (), *, repair: bool = False, progress: Progress | None = None
    ) -> tuple[int, int, list[BlobFault]]:
        """Compare blobs with their hashes: of these artifacts, or all. Gives how many, their bytes, and what is wrong.

        With `repair`, damaged ones are set aside, so that a rerun makes them again; what is missing at a URL and is here is
        sent there again.
        """
        ...

    def collect_artifacts(
        self, *, older_than_s: float | None = None, dry_run: bool = False, local_copies: bool = False
    ) -> dict[str, Any]:
        """Remove blobs, bundles, logs and checkpoints that nothing needs and that are old enough.

        With `local_copies`, also the copies on this machine of blobs that are kept at a URL.
        """
        ...

    def prunable_runs(
        self, *, runs: Sequence[str] = (), flow: str = "", states: Sequence[str] = (), before: float | None = None,
        keep: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """Finished runs that fit: "runs", and "held" with the reason why one cannot be deleted now."""
        ...

    def delete_run(self, run: str) -> int:
        """Delete a finished run with its steps, logs and checkpoints; gives the bytes of files that it freed."""
        ...

    def retain(self, *, dry_run: bool = False) -> RetentionRecord:
        """Let go of what the setting `retention` says, now; with `dry_run`, only tell what that would be."""
        ...

    def retained(self) -> list[RetentionRecord]:
        """What went by that setting before, the latest last."""
        ...

    def compare_runs(self, one: str, other: str) -> dict[str, Any]:
        """What differs between two runs."""
        ...


class LocalArtifacts:
    """A part of `LocalWorkspace`."""

    @property
    def _local(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    def artifacts(
        self, *, run: str = "", flow: str = "", kind: str = "", least_bytes: int = 0, since: float | None = None,
        before: float | None = None, limit: int | None = None,
    ) -> list[ArtifactView]:  # fmt: skip
        from partita.workspace.inventory import each_artifact

        if not self._local.state.exists():
            return []
        found = each_artifact(
            self._local.ask, run=run, flow=flow, kind=kind, least_bytes=least_bytes, since=since, before=before
        )
        return list(islice(found, limit))

    def artifact(self, name: str) -> FoundArtifact:
        from partita.workspace.inventory import find_artifact

        self._local._need_state()
        return find_artifact(self._local.ask, name)

    def value(self, name: str) -> Any:
        """An artifact's value. It is opened in this process, which runs code where it was pickled.

        Raises:
            NotFoundError: there is none of that name.
            DamagedError: what is stored is not what was written.
        """
        from partita.workspace.runs import encoder_of

        found = self.artifact(name)
        with self._explained(found["view"]):
            return encoder_of(self._local).decode(unpack(found["node"]))

    def artifact_record(self, digest: str) -> dict[str, Any] | None:
        return self._local.blobs.preview(digest)

    def artifacts_fault(self) -> str:
        from partita.artifacts.blobs.placing import fault_of

        try:
            return fault_of(self._local.blobs, self._local.state)
        except PartitaError as error:
            return str(error)

    def lineage(self, name: str, *, ways: str = "both", depth: int = 20, limit: int = 200) -> LineageView:
        from partita.workspace.lineage import Lineage

        found = self.artifact(name)
        view = found["view"]
        hashes = [digest for digest, _ in blobs_of(unpack(found["node"]))]
        return Lineage(self._local.ask, limit).of(view["name"], view["run"], view["step"], hashes, depth, ways)

    def get_artifact(self, name: str, target: Path | None = None, *, raw: bool = False) -> list[Path]:
        from partita.workspace.runs import encoder_of
        from partita.workspace.writing import file_stem, write_artifact

        found = self.artifact(name)
        node, stem = unpack(found["node"]), file_stem(found["view"])
        with self._explained(found["view"]):
            return write_artifact(encoder_of(self._local).blobs, node, stem, target, is_raw=raw)

    def artifact_file(self, name: str, *, raw: bool = False) -> tuple[str, Path] | None:
        """What `get_artifact` would write and where it lies already, byte for byte; None: it has to be written.

        The file must not be changed.
        """
        from partita.workspace.runs import encoder_of
        from partita.workspace.writing import blob_of, file_stem

        found = self.artifact(name)
        stored = blob_of(unpack(found["node"]), file_stem(found["view"]), is_raw=raw)
        if stored is None:
            return None
        with self._explained(found["view"]):
            return stored[0], encoder_of(self._local).blobs.path(stored[1])

    @contextmanager
    def _explained(self, view: ArtifactView) -> Iterator[None]:
        """Say so where a value cannot be read because retention let go of it."""
        try:
            yield
        except DamagedError as error:
            gone_at = let_go_at(self._local.run(view["run"])["notes"], "values") if view["run"] else None
            if gone_at is None:
                raise
            raise NotFoundError(
                f"the value of {view['name']} was removed on {datetime.fromtimestamp(gone_at):%Y-%m-%d}, as the setting "
                f"retention says; `partita runs rerun {view['run']}` makes it again"
            ) from error

    def verify_artifacts(
        self, names: Sequence[str] = (), *, repair: bool = False, progress: Progress | None = None
    ) -> tuple[int, int, list[BlobFault]]:
        from partita.workspace.inventory import holders
        from partita.workspace.verifying import verify_blobs

        self._local._need_state()
        self._local.ask("runs", limit=1)  # an engine brings an older store up to date
        chosen = [digest for name in names for digest, _ in blobs_of(unpack(self.artifact(name)["node"]))]

        def owners(digest: str) -> list[str]:
            return [f"{run}:{path}" for run, _, path, _ in islice(holders(self._local.ask, digest), 20)]

        told = progress or (lambda done, total, size: None)
        return verify_blobs(
            self._local.blobs, self._local.state, chosen if names else None, owners, database=self._local.database,
            is_repairing=repair, progress=told,
        )  # fmt: skip

    def collect_artifacts(
        self, *, older_than_s: float | None = None, dry_run: bool = False, local_copies: bool = False
    ) -> dict[str, Any]:
        from partita.workspace.sweeping import GRACE_S, LEAST_GRACE_S, Sweep

        self._local._need_state()
        self._local.ask("runs", limit=1)
        grace_s = GRACE_S if older_than_s is None else max(older_than_s, LEAST_GRACE_S)
        local = self._local
        sweep = Sweep(local.state, grace_s, local.blobs, local.database, is_dry=dry_run, is_local=local_copies)
        return sweep.collect()

    def prunable_runs(
        self, *, runs: Sequence[str] = (), flow: str = "", states: Sequence[str] = (), before: float | None = None,
        keep: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        self._local._need_state()
        which: dict[str, Any] = {
            "runs": list(runs),
            "flow": flow,
            "states": list(states),
            "before": before,
            "keep": keep,
        }
        found = read_prunable(self._local.ask, **which)
        return {"runs": found["runs"], "held": found["held"]}

    def prunable_page(self, after: int, limit: int, **which: Any) -> dict[str, Any]:
        """The same of so many runs that are looked at, and "next": `after` of the page behind it, None: there is none."""
        self._local._need_state()
        return read_prunable(self._local.ask, after, limit, **which)

    def delete_run(self, run: str) -> int:
        from partita.workspace.sweeping import remove_run

        self._local._need_state()
        return remove_run(self._local.state, self._local.ask("delete", run=run))

    def retain(self, *, dry_run: bool = False) -> RetentionRecord:
        self._local._need_state()
        record: RetentionRecord = self._local.ask("retain", is_dry=dry_run)
        return record

    def retained(self) -> list[RetentionRecord]:
        from partita.workspace.keeping import read_records

        return read_records(self._local.state)

    def compare_runs(self, one: str, other: str) -> dict[str, Any]:
        from partita.workspace.comparing import compare

        self._local._need_state()
        return compare(self._local.ask, self._local.state / "bundles", one, other)
