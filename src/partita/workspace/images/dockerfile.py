"""The Dockerfile of a project: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["CODE_FOLDER", "HOME", "OWN_FOLDER", "PACKAGES_FOLDER", "PROJECT_FOLDER", "USER_ID", "dockerfile"]

CODE_FOLDER = "/app"
HOME = "/home/partita"
USER_ID = 10001

#: Folders of the context.
PACKAGES_FOLDER, OWN_FOLDER, PROJECT_FOLDER = "packages", "partita", "project"

#: Arguments of the build by which pip finds an index, as pip's own variables are called.
_PIP_ARGUMENTS = "PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT"
_PIP = (
    "PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \\\n"
    "    python -m pip install --no-cache-dir --requirement"
)


def dockerfile(base: str, labels: Mapping[str, str], *, has_constraints: bool) -> str:
    """Who it is, the project's packages, Partita, the code: each a layer that comes from Docker's cache as long as nothing above
    it changes."""
    constraints = f" --constraint /tmp/{PACKAGES_FOLDER}/constraints.txt" if has_constraints else ""
    told = " \\\n      ".join(f"{name}={_quoted(value)}" for name, value in sorted(labels.items()))
    return f"""\
FROM {base}

USER root
ENV HOME={HOME} PYTHONUNBUFFERED=1
RUN echo "partita:x:{USER_ID}:{USER_ID}::{HOME}:/bin/sh" >> /etc/passwd \\
 && mkdir -p {CODE_FOLDER} {HOME} && chown {USER_ID}:{USER_ID} {CODE_FOLDER} {HOME} \\
 && {{ command -v python || ln -s "$(command -v python3 || echo none)" /usr/local/bin/python; }} > /dev/null

ARG {_PIP_ARGUMENTS}
COPY {PACKAGES_FOLDER}/ /tmp/{PACKAGES_FOLDER}/
RUN {_PIP} /tmp/{PACKAGES_FOLDER}/requirements.txt{constraints}

COPY {OWN_FOLDER}/ /tmp/{OWN_FOLDER}/
RUN cd /tmp/{OWN_FOLDER} && {_PIP} requirements.txt{constraints} \\
 && python -c "import partita.worker.loop"

USER {USER_ID}:{USER_ID}
WORKDIR {CODE_FOLDER}
COPY --chown={USER_ID}:{USER_ID} {PROJECT_FOLDER}/ {CODE_FOLDER}/
LABEL {told}
"""


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("$", "\\$")
