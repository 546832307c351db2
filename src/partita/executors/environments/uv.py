"""The uv program: where it is, what it is told, and what its failures mean."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from partita.core.environment import Declaration
from partita.errors import MissingExtraError
from partita.executors.machine import LISTS_CHILDREN

__all__ = ["WORKER_NEEDS", "find_uv", "is_transient", "remedy_for", "steps_of"]

#: What a worker imports beside the standard library: its own dependencies, without those of the command line. The lower
#: bounds only, so that a task's own pins hold.
WORKER_NEEDS = (
    "blake3>=1.0",
    "cloudpickle>=3.0",
    "msgpack>=1.0.8",
    "packaging>=21.0",
    "python-dotenv>=1.0",
    *(() if LISTS_CHILDREN else ("psutil>=5.9",)),
)

_TRANSIENT = re.compile(
    r"error sending request|dns error|timed out|timeout|connection (refused|reset|closed)|could ?n[o']t connect"
    r"|client error \(connect\)|temporary failure|failed to (fetch|download)|broken pipe|unexpected eof|"
    r"HTTP status server error|\b(429|50[0234])\b",
    re.IGNORECASE,
)
_FINAL = re.compile(r"\b(401|403|404)\b|not found in the package registry|invalid peer certificate", re.IGNORECASE)


def find_uv() -> str:
    """The path of uv: the one that is installed beside Partita, else the one on the path.

    Raises:
        MissingExtraError: there is none.
    """
    beside = Path(sys.executable).with_name("uv")
    if os.access(beside, os.X_OK):
        return os.fspath(beside)
    if find_spec("uv") is not None:
        from uv import find_uv_bin

        with suppress(FileNotFoundError):
            return os.fspath(find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        raise MissingExtraError(
            "tasks with environment= need uv, which is not installed: pip install 'partita[environments]'"
        )
    return found


def steps_of(
    uv: str, declaration: Declaration, venv: Path, bundle: Path, python: str, needs: Sequence[str]
) -> list[list[str]]:
    """The commands that make the environment, in order.

    Args:
        venv: where it is to lie; its parent holds `requirements.txt` and `constraints.txt`.
        bundle: folder of the run's code, for a lock.
        python: the interpreter, where the declaration names none.
        needs: requirements of workers, for a lock; where there is none, `requirements.txt` has them.
    """
    quiet = [uv, "--no-progress", "--color", "never"]
    wanted = declaration.python or python
    make = [*quiet, "venv", "--relocatable", "--no-project", "--python", wanted, os.fspath(venv)]
    interpreter = os.fspath(venv / "bin" / "python")
    install = [*quiet, "pip", "install", "--python", interpreter]
    if declaration.lock:
        folder = os.fspath(bundle / declaration.lock)
        sync = [*quiet, "sync", "--frozen", "--active", "--no-install-workspace", "--no-install-package", "partita"]
        sync += ["--project", folder, "--python", interpreter, "--no-default-groups"]
        sync += [part for group in declaration.groups for part in ("--group", group)]
        sync += [part for extra in declaration.extras for part in ("--extra", extra)]
        return [make, sync, [*install, *needs]]
    listed = [*install, "-r", os.fspath(venv.parent / "requirements.txt")]
    if declaration.constraints:
        listed += ["-c", os.fspath(venv.parent / "constraints.txt")]
    return [make, listed]


def is_transient(output: str) -> bool:
    """Whether what uv said is likely to be over when it is tried again."""
    return bool(_TRANSIENT.search(output)) and not _FINAL.search(output)


def remedy_for(output: str) -> str:
    """What to do about a failure."""
    if is_transient(output):
        return (
            "The package index could not be reached: look at the network, the proxy and uv's index settings, then rerun "
            "or resume the run"
        )
    if "No space left" in output:
        return "Make room on the disk; `partita environments prune` removes environments that are not used"
    if "not found in the package registry" in output:
        return "Correct the name of the package, or name the index that has it in uv's settings"
    if re.search(r"No solution found|unsatisfiable", output):
        return "Change the requirements so that they can be met together"
    if re.search(r"no interpreter found|not found in|No download found", output, re.IGNORECASE) and "Python" in output:
        return "Install that Python, or declare one that is there: `uv python list` tells which"
    return "Mend what uv names: the requirements, or its settings (`UV_*` variables, `[tool.uv]`, uv.toml)"
