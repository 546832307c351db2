"""What is made in the cluster is called by these names, and found again by these labels."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

__all__ = [
    "EXECUTOR_LABEL", "MANAGED_LABEL", "SESSION_LABEL", "WORKSPACE_LABEL", "Identity", "job_name", "label_value", "session_of",
    "sessions_selector",
]  # fmt: skip

MANAGED_LABEL = "app.kubernetes.io/managed-by"
WORKSPACE_LABEL, EXECUTOR_LABEL, SESSION_LABEL = "partita/workspace", "partita/executor", "partita/session"

_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_KEPT = 54  # of the 63 characters that a label's value may have, so that a checksum fits behind them


class Identity(NamedTuple):
    """Whose workers they are."""

    workspace: str  # the engine's origin
    executor: str  # its name in the settings

    @property
    def labels(self) -> dict[str, str]:
        """All that is made carries them."""
        return {
            MANAGED_LABEL: "partita",
            WORKSPACE_LABEL: label_value(self.workspace),
            EXECUTOR_LABEL: label_value(self.executor),
        }

    @property
    def selector(self) -> str:
        """Finds all of them, and nobody else's."""
        return ",".join(f"{name}={value}" for name, value in self.labels.items())

    @property
    def secret_name(self) -> str:
        """Name of the Secret with the workers' variables, where the settings give none."""
        checksum = f"{zlib.crc32(repr(tuple(self)).encode()):08x}"
        clean = re.sub(r"[^a-z0-9]+", "-", self.executor.lower()).strip("-")
        return "-".join(part for part in ("partita", clean[:40].strip("-"), checksum) if part)


def label_value(text: str) -> str:
    """The text as the value of a label. One that cannot be such a value keeps its letters, and gets a checksum."""
    if _VALUE.fullmatch(text):
        return text
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:_KEPT].strip("-._")
    return f"{clean}-{zlib.crc32(text.encode()):08x}".lstrip("-")


def job_name(session: str) -> str:
    """The Job of a session."""
    return f"partita-{session}"


def sessions_selector(identity: Identity, sessions: list[str] | tuple[str, ...]) -> str:
    """Finds what belongs to these sessions."""
    return f"{identity.selector},{SESSION_LABEL} in ({','.join(sessions)})"


def session_of(document: dict[str, object]) -> str:
    """The session that a Job or pod belongs to; empty: none."""
    metadata = document.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return str(labels.get(SESSION_LABEL, "")) if isinstance(labels, dict) else ""
