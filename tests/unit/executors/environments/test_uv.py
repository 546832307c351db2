from __future__ import annotations

from pathlib import Path

import pytest

from partita.core.environment import Declaration
from partita.executors.environments.uv import WORKER_NEEDS, is_transient, remedy_for, steps_of

DOWN = """error: Request failed after 3 retries in 7.4s
  Caused by: Failed to fetch: `http://127.0.0.1:9/simple/six/`
  Caused by: error sending request for url (http://127.0.0.1:9/simple/six/)
  Caused by: client error (Connect)
  Caused by: tcp connect error
  Caused by: Connection refused (os error 111)"""
UNMET = """  × No solution found when resolving dependencies:
  ╰─▶ Because there is no version of six==99 and you require six==99, we can
      conclude that your requirements are unsatisfiable."""
NO_PYTHON = "error: No interpreter found for Python 3.19 in virtual environments, managed installations, or search path"
REFUSED = (
    "error: Failed to fetch: `http://127.0.0.1:9/simple/six/`\n  Caused by: HTTP status client error (403 Forbidden)"
)


UNKNOWN = """Using Python 3.11.7 environment at: .partita/environments/1a73/venv
  × No solution found when resolving dependencies:
  ╰─▶ Because nope was not found in the package registry and you require
      nope, we can conclude that your requirements are unsatisfiable."""
MISSET = "error: Failed to parse environment variable `UV_OFFLINE` with invalid value ``: expected a boolish value"


@pytest.mark.parametrize(("output", "passes"), [(DOWN, True), (UNMET, False), (NO_PYTHON, False), (REFUSED, False)])
def test_what_may_pass_by_itself(output: str, passes: bool) -> None:
    assert is_transient(output) == passes


@pytest.mark.parametrize(
    ("output", "remedy"),
    [(DOWN, "index could not be reached"), (UNMET, "Change the requirements"), (NO_PYTHON, "Install that Python"),
     ("No space left on device (os error 28)", "environments prune"), (UNKNOWN, "Correct the name of the package"),
     (MISSET, "Mend what uv names")],
)  # fmt: skip
def test_what_to_do_is_told(output: str, remedy: str) -> None:
    assert remedy in remedy_for(output)


def test_a_lock_is_synced_and_completed_with_what_workers_need() -> None:
    declaration = Declaration(lock="sub", lock_digest="1", groups=("dev",), python="3.12")
    make, sync, complete = steps_of(
        "uv", declaration, Path("/shelf/key/venv"), Path("/bundle"), "/python", WORKER_NEEDS
    )
    assert make[make.index("--python") + 1] == "3.12"
    assert sync[sync.index("--project") + 1] == "/bundle/sub" and "--frozen" in sync and "dev" in sync
    assert complete[-len(WORKER_NEEDS) :] == list(WORKER_NEEDS)
