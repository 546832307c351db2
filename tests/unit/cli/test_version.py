"""The command line by the name of the package."""

from __future__ import annotations

import subprocess
import sys

from partita.version import VERSION


def test_it_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "partita", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"partita {VERSION}"
