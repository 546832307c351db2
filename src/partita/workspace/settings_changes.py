"""Which settings have changed since the engine read them: it does so once, when it begins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from partita.settings import Settings, describe_settings

__all__ = ["changed_settings", "digests_of"]

#: What commands and servers read themselves, or what cannot be another one under the same engine.
_NOT_OF_ENGINES = frozenset(
    {
        "store", "executor", "build_base", "build_image", "bundle_include", "bundle_exclude", "sign_in", "stages", "gates", "ci",
        "repositories", "metrics", "color", "notebook_display",
    }
)  # fmt: skip


def digests_of(settings: Settings) -> dict[str, str]:
    """A few digits for what each setting says that an engine reads, by its key. They tell nothing of a secret in it."""
    found = {}
    for setting in describe_settings():
        if setting.key not in _NOT_OF_ENGINES:
            said = repr(_plain(getattr(settings, setting.attribute)))
            found[setting.key] = blake2b(said.encode(), digest_size=3).hexdigest()
    return found


def changed_settings(state: Path, settings: Settings) -> list[str]:
    """The keys of what has changed since the engine of the workspace began, as far as it has told what it read."""
    try:
        read = json.loads((state / "engine.json").read_text("utf-8"))["settings"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    read = read if isinstance(read, dict) else {}
    return [key for key, digest in digests_of(settings).items() if read.get(key, digest) != digest]


def _plain(value: Any) -> Any:
    """Something that is written alike in each process."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(each.name, _plain(getattr(value, each.name))) for each in fields(value)]
    if isinstance(value, Mapping):
        return sorted((str(key), _plain(item)) for key, item in value.items())
    if isinstance(value, Set):
        return sorted(map(repr, value))
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
