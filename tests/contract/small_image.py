"""A small image without Python, for container tasks: made once from the base image of the tests."""

from __future__ import annotations

import os
import subprocess
import zlib
from functools import cache

from tests.contract.docker_image import base_image

__all__ = ["small_image"]

_PROGRAMS = "sh cat cp echo env head id ln mkdir mkfifo sleep tail touch wc"
_TEXT = f"""
FROM {{base}} AS whole
RUN mkdir -p /small/bin /small/tmp /small/etc && chmod 1777 /small/tmp \\
 && echo 'root:x:0:0::/:/bin/sh' > /small/etc/passwd \\
 && for program in {_PROGRAMS}; do \\
      file=/bin/$program; [ -e $file ] || file=/usr/bin/$program; cp -L $file /small/bin/; \\
      ldd $file | grep -o '/[^ ]*' | while read library; do \\
        mkdir -p "/small${{{{library%/*}}}}"; cp -L $library "/small$library"; done; done
FROM scratch
COPY --from=whole /small /
"""


@cache
def small_image() -> str:
    """Its name. Skips where no Docker answers, or has the base image."""
    text = _TEXT.format(base=base_image())
    name = f"partita-small:{zlib.crc32(text.encode()):08x}"
    subprocess.run(
        ["docker", "build", "--quiet", "--network", "none", "--tag", name, "-"], input=text, text=True, check=True,
        capture_output=True, env={**os.environ, "DOCKER_BUILDKIT": "0"}, timeout=600,
    )  # fmt: skip
    return name
