"""The settings in force, as they are shown to people: with where each was set, and without passwords in addresses."""

from __future__ import annotations

import re
from typing import Any, TypedDict

from partita.settings import Settings, describe_settings
from partita.units import size_text

__all__ = ["SettingView", "shown_settings"]

#: A password may hold any sign, "/" and "@" too, and a token may stand where a name does.
_WHO = re.compile(r"//(?:(?!://)\S)*@")
_PARAMETER = re.compile(
    r"((?:^|[?&;#\s])[^=?&;#\s]*(?:pass|pwd|secret|token|key|sig|credential)[^=?&;#\s]*=)(?:'[^']*'|\"[^\"]*\"|[^&\s'\"]*)",
    re.IGNORECASE,
)


class SettingView(TypedDict):
    """A setting, for people and programs."""

    key: str  # as in partita.toml
    value: str  # as it would be written
    source: str  # "default", or where it was set
    meaning: str


def shown_settings(settings: Settings) -> list[SettingView]:
    """Every setting with its value, where that comes from, and what it means."""
    found = []
    for setting in describe_settings():
        source = settings.sources.get(setting.key, "default")
        value = getattr(settings, setting.attribute)
        shown = setting.default if source == "default" else _masked(_shown(value, setting.attribute))
        found.append(SettingView(key=setting.key, value=shown, source=source, meaning=setting.meaning))
    return found


def _masked(text: str) -> str:
    return _PARAMETER.sub(r"\1****", _WHO.sub("//****@", text))


def _shown(value: Any, attribute: str) -> str:
    if attribute.endswith("_s"):
        return f"{value:g} s"
    if attribute.endswith("_bytes"):
        return size_text(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={count}" for name, count in value.items()) or "{}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
