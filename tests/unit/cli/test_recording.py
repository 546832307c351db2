"""What the command line changes is noted, whatever it is."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from partita.cli.recording import CHANGES, Recording
from partita.errors import StoreError
from partita.workspace.local import LocalWorkspace
from partita.workspace.port import Workspace

#: What only looks, or is no change of what lies in the workspace.
LOOKS = {
    "artifact", "artifact_record", "artifacts", "artifacts_fault", "attempts", "audit", "backup", "build_image",
    "bundle_archive", "cache_entries", "check", "close", "closed_waits", "compare_runs", "components", "convert", "engine",
    "environment_log", "environments", "executors", "explain", "explain_cache", "export_model", "flows", "follow_logs", "gates",
    "get_artifact", "history", "identify", "judge_model", "lineage", "logs", "model", "model_card", "model_lineage",
    "model_version", "models", "note_audit", "plan", "prunable_runs", "publication", "publication_diff", "publications",
    "reports", "retained", "run", "run_estimates", "run_plan", "runs", "secrets", "session", "sessions", "shown_settings", "stage_moves",
    "stages", "steps", "studies", "study", "study_file", "tokens", "users", "waits", "watch", "whoami",
}  # fmt: skip
#: What the engine notes in the turn that changes it.
NOTED_THERE = {
    "create_token", "disable_user", "enable_user", "end_session", "end_sessions", "ensure_admin_token", "rekey_secrets",
    "remove_secret", "revoke_token", "set_secret", "set_user", "start_session", "start_token_session",
}  # fmt: skip
#: Where noting would start an engine that is to be down, or write what is just being replaced; and what the server notes.
NOT_NOTED = {
    "be_engine", "stop_engine", "copy_store", "migrate_store", "restore", "receive_bundle", "publish_push", "probe_executor",
}  # fmt: skip


def test_each_thing_that_one_can_do_is_noted_or_known_to_change_nothing() -> None:
    there = {name for name, _ in inspect.getmembers(Workspace, callable) if not name.startswith("_")}
    assert there == LOOKS | NOTED_THERE | NOT_NOTED | set(CHANGES)
    for one, other in (
        (LOOKS, NOTED_THERE),
        (LOOKS, set(CHANGES)),
        (NOTED_THERE, set(CHANGES)),
        (NOT_NOTED, set(CHANGES)),
    ):
        assert not one & other


def test_what_is_noted_is_named_by_arguments_that_there_are() -> None:
    for name, (_, target) in CHANGES.items():
        parameters = inspect.signature(getattr(LocalWorkspace, name)).parameters
        given = dict.fromkeys(parameters, "given")
        target(given, {"version": "told", "name": "told"})
        read = [cell.cell_contents for cell in target.__closure__ or ()]
        if getattr(target, "__qualname__", "").startswith("_given"):
            assert set(read) <= set(parameters), name


class Done:
    """A workspace in which a run is cancelled, and nothing can be written any more."""

    state = Path("/")

    def cancel(self, run: str) -> str:
        return run

    def note_audit(self, action: str, target: str, **more: object) -> None:
        raise StoreError(f"no room to note {action} of {target}")


def test_what_was_done_and_cannot_be_noted_is_told_and_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert Recording(Done()).cancel("r1") == "r1"
    assert "this was done, but not noted in the audit: no room to note run.cancel of r1" in capsys.readouterr().err
