"""The API against its own document: schemathesis makes requests that fit it, and ones that do not, and looks at the answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Served, serving

PROJECT = Path(__file__).parents[1] / "browser" / "project"
#: Operations that end what the others need, or never end by themselves.
LEFT_OUT = (
    "post_engine_stop", "delete_runs_run", "delete_tokens_id", "get_events", "get_runs_run_events",
    "get_runs_run_steps_step_log_events", "post_artifacts_collect", "post_environments_prune", "post_advice_apply",
    "post_executors_name_probe", "get_runs_run_watch",
)  # fmt: skip
#: Every check that schemathesis has, but for
#: - positive_data_acceptance, instead of which `tests/schemathesis_checks.py` has one that knows what no document can say;
#: - object_level_authorization: what one person of a workspace makes, others of it see; `test_server_permissions.py` has who may what;
#: - max_response_time: a plan may be asked to take its time, and machines differ.
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "fitting_data_acceptance", "missing_required_header",
    "unsupported_method", "allow_header_conformance", "use_after_free", "ensure_resource_availability", "ignored_auth",
)  # fmt: skip
#: What is larger than the server takes is refused, too, whatever else is wrong with it.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, 431]
"""
#: Made requests of an operation in each phase, so that their number depends on no clock: together about a minute.
EXAMPLES = 10
ROOT = Path(__file__).parents[2]
# One worker: in two, CPython 3.11 sometimes fails with "AST constructor recursion depth mismatch" inside of what makes requests.


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("document") / "shop"
    shutil.copytree(PROJECT, folder)
    made = serving(folder)
    made.wait(made.launch("flows.py:squares", n=2))
    yield made
    made.stop()


def test_answers_are_what_the_document_says(served: Served, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", f"{served.url}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {served.token}", "--checks", ",".join(CHECKS), "--no-color",
        "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES), "--seed", "1",
        "--request-timeout", "30", "--suppress-health-check", "all", "--no-shrink", "--workers", "1", "--continue-on-failure", "--warnings", "off",
        "--generation-database", "none",
        *(word for name in LEFT_OUT for word in ("--exclude-operation-id", name)),
    ]  # fmt: skip
    found = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=900,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": found, "SCHEMATHESIS_HOOKS": "tests.schemathesis_checks"},
    )  # fmt: skip
    # Addresses of 64 KiB would hide what is told of them.
    told = "\n".join(line[:600] for line in (done.stdout + done.stderr).splitlines())
    assert done.returncode == 0, told[-30_000:]
    assert not [line for line in served.lines if "Traceback" in line], "\n".join(served.lines[-80:])
