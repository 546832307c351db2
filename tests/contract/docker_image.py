"""An image in which Partita's workers can run, made once from a base image that has Python and pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zlib
from functools import cache
from pathlib import Path

import pytest

import partita
from partita.executors.environments.uv import WORKER_NEEDS

__all__ = ["base_image", "packaged_image", "running_containers", "worker_image"]

#: The base image; TEST_DOCKER_BASE names another one.
_BASE = "partita-base:test"


@cache
def base_image() -> str:
    """Its name. Skips where no Docker answers, or has it."""
    if shutil.which("docker") is None or _docker("version") != 0:
        pytest.skip("no Docker answers: see DOCKER_HOST")
    base = os.environ.get("TEST_DOCKER_BASE", _BASE)
    if _docker("image", "inspect", base) != 0:
        pytest.skip(f"Docker has no image {base}: see TEST_DOCKER_BASE")
    return base


@cache
def worker_image(*packages: str) -> str:
    """Its name. Skips where no Docker answers, or has the base image.

    Args:
        packages: requirements of tasks, which it has besides.
    """
    base = base_image()
    needs = " ".join(f"'{need}'" for need in (*WORKER_NEEDS, "cryptography>=42.0", "psutil>=5.9", *packages))
    # Not under the tag of another test run with other needs.
    name = f"partita-worker:{zlib.crc32(f'{base} {needs}'.encode()):08x}"
    text = f"FROM {base}\nRUN pip install --quiet --break-system-packages {needs}\n"
    built = subprocess.run(
        ["docker", "build", "--quiet", "--network", "host", "--tag", name, "-"], input=text, text=True, check=False,
        capture_output=True, env={**os.environ, "DOCKER_BUILDKIT": "0"}, timeout=600,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"the image cannot be made, as without a package index: {built.stderr[-500:]}")
    return name


@cache
def packaged_image(*packages: str) -> str:
    """The name of an image that has Partita itself, and what values in S3 need. Skips where it cannot be made.

    Args:
        packages: requirements of tasks, which it has besides.
    """
    base, package = base_image(), Path(partita.__file__).parent
    required = (*WORKER_NEEDS, "cryptography>=42.0", "psutil>=5.9", "s3fs>=2024.6", *packages)
    needs = " ".join(f"'{need}'" for need in required)
    # What changes most often comes last, and layers are few: some storages copy the whole image for each.
    text = (
        f"FROM {base}\nRUN mkdir -m 777 /work && pip install --quiet --no-cache-dir --break-system-packages {needs}\n"
        "COPY partita /opt/partita-code/partita\nENV PYTHONPATH=/opt/partita-code\nWORKDIR /work\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(package, Path(folder, "partita"), ignore=shutil.ignore_patterns("__pycache__"))
        Path(folder, "Dockerfile").write_text(text)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        name = f"partita-packaged:{zlib.crc32(b''.join(path.read_bytes() for path in files)):08x}"
        built = subprocess.run(
            ["docker", "build", "--quiet", "--network", "host", "--tag", name, folder], text=True, check=False,
            capture_output=True, env={**os.environ, "DOCKER_BUILDKIT": "0"}, timeout=600,
        )  # fmt: skip
    if built.returncode:
        pytest.skip(f"the image cannot be made, as without a package index: {built.stderr[-500:]}")
    return name


def running_containers() -> set[str]:
    """The containers of Partita's workers."""
    words = ["docker", "ps", "--quiet", "--filter", "label=partita.session"]
    return set(subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def _docker(*words: str) -> int:
    return subprocess.run(["docker", *words], capture_output=True, check=False, timeout=60).returncode
