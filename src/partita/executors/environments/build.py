"""`python build.py SHELF KEY TIMEOUT_S BUNDLE FOLDER ENGINE [NEED ...]`: makes one environment, in a process of its own.

The declaration is read from standard input. The last line on standard output is a map: "ok", or "error" with "transient".
What uv says goes to the environment's build.log.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

__all__ = ["main", "make"]

_SET_PARENT_DEATH_SIGNAL = 1
_PAUSES_S = (1.0, 5.0)
_TOLD_LINES = 20


class _FailedError(Exception):
    """uv said no."""

    def __init__(self, message: str, is_transient: bool) -> None:
        super().__init__(message)
        self.is_transient = is_transient


def main(arguments: list[str]) -> None:
    """Make the environment and say how it went."""
    shelf, key, timeout_s, bundle, folder, engine, *needs = arguments
    _die_with_parent(int(engine))
    _make_importable()
    declared = sys.stdin.read()
    made = make(Path(shelf), key, declared, float(timeout_s), Path(bundle), folder, tuple(needs))
    print(json.dumps(made), flush=True)


def make(
    shelf_folder: Path,
    key: str,
    declared: str,
    timeout_s: float,
    bundle: Path,
    folder: str,
    needs: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Make the environment unless somebody else has made it meanwhile; how it went, as a map.

    Args:
        declared: text of the declaration.
        timeout_s: seconds that it may take, all attempts together.
        bundle: folder of the run's code.
        folder: the project's folder: uv reads its settings there.
        needs: requirements of workers beside those that all have.
    """
    from partita.core.environment import Declaration
    from partita.errors import PartitaError
    from partita.executors.environments.shelf import Shelf

    shelf = Shelf(shelf_folder, needs)
    try:
        with shelf.locked(key, wait=True) as lock:
            if lock is None or shelf.is_ready(key):
                return {"ok": True, "made": False}
            _Builder(shelf, key, Declaration.from_text(declared), lock, timeout_s).build(bundle, folder)
    except _FailedError as error:
        return {"ok": False, "error": str(error), "transient": error.is_transient}
    except PartitaError as error:
        return {"ok": False, "error": str(error), "transient": False}
    except OSError as error:
        return {"ok": False, "error": f"{error.filename}: {error.strerror}", "transient": True}
    return {"ok": True, "made": True}


class _Builder:
    def __init__(self, shelf: Any, key: str, declaration: Any, lock: int, timeout_s: float) -> None:
        self._shelf = shelf
        self._place: Path = shelf.place(key)
        self._declaration = declaration
        self._lock = lock
        self._timeout_s = timeout_s
        self._began_at = time.monotonic()

    def build(self, bundle: Path, folder: str) -> None:
        from partita.executors.environments.uv import find_uv, steps_of

        shutil.rmtree(self._place, ignore_errors=True)  # what is left of one that was broken off
        self._place.mkdir(parents=True)
        self._write_inputs()
        uv, venv = find_uv(), self._place / "venv"
        with (self._place / "build.log").open("a", encoding="utf-8") as log:
            log.write(f"making the environment: {self._declaration.title}\n")
            for command in steps_of(uv, self._declaration, venv, bundle, sys.executable, self._shelf.needs):
                self._insist(command, log, folder, venv)
            listed = self._run(
                [uv, "--color", "never", "pip", "freeze", "--python", f"{venv}/bin/python"], folder, venv
            )
            took_s = time.monotonic() - self._began_at
            log.write(f"made in {took_s:.1f} s\n")
        self._complete(listed.stdout.split("\n"), took_s)

    def _write_inputs(self) -> None:
        declaration = self._declaration
        lines = [*declaration.requirements, *self._shelf.needs]
        (self._place / "declaration.json").write_text(declaration.text, encoding="utf-8")
        (self._place / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self._place / "constraints.txt").write_text("\n".join(declaration.constraints) + "\n", encoding="utf-8")

    def _insist(self, command: list[str], log: IO[str], folder: str, venv: Path) -> None:
        """Run the command, again where its failure looks as if it would pass."""
        from partita.executors.environments.uv import is_transient, remedy_for

        for pause_s in (*_PAUSES_S, None):
            log.write(f"uv {' '.join(command[4:])}\n")
            log.flush()
            done = self._run(command, folder, venv)
            log.write(done.stdout)
            log.flush()
            if done.returncode == 0:
                return
            killed = f"uv was killed by signal {-done.returncode}" if done.returncode < 0 else ""
            passes = bool(killed) or is_transient(done.stdout)
            if not passes or pause_s is None:
                words = "\n".join(done.stdout.strip().splitlines()[-_TOLD_LINES:])
                remedy = f"{killed}: perhaps the machine ran out of memory" if killed else remedy_for(done.stdout)
                raise _FailedError(f"uv says:\n{words}\n{remedy}", passes)
            log.write(f"trying again in {pause_s:g} s\n")
            log.flush()
            time.sleep(pause_s)

    def _run(self, command: list[str], folder: str, venv: Path) -> subprocess.CompletedProcess[str]:
        left_s = self._timeout_s - (time.monotonic() - self._began_at)
        try:
            return subprocess.run(
                command,
                cwd=folder,
                env=_variables(venv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=max(left_s, 0.1),
                pass_fds=(self._lock,),  # as long as uv lives nobody else makes this environment, even if we are killed
                preexec_fn=_die_with_us(os.getpid()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _FailedError(
                f"it took longer than {self._timeout_s:g} s; raise environment_timeout, or ask for less", True
            ) from None

    def _complete(self, packages: list[str], took_s: float) -> None:
        interpreter = os.fspath(self._place / "venv" / "bin" / "python")
        version = subprocess.run(
            [interpreter, "-I", "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=True,
        )
        made = {
            "python": version.stdout.strip(),
            "packages": [line for line in packages if line.strip()],
            "made_at": time.time(),
            "took_s": round(took_s, 3),
        }
        part = self._place / "complete.json.part"
        part.write_text(json.dumps(made), encoding="utf-8")
        part.replace(self._place / "complete.json")


def _variables(venv: Path) -> dict[str, str]:
    """Those of this process, without those that would lead uv to another environment or project."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "CONDA_PREFIX")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "VIRTUAL_ENV": os.fspath(venv), "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before the kernel knew that we are to die with it


def _die_with_us(parent: int) -> Any:
    library = ctypes.CDLL(None)

    def prepare() -> None:
        library.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _make_importable() -> None:
    """Find Partita where the engine found it."""
    root = os.fspath(Path(__file__).absolute().parents[3])
    if root not in sys.path:
        sys.path.append(root)


if __name__ == "__main__":
    main(sys.argv[1:])
